import type { Example } from '../graphql/playground.ts';

/** Tabs that the playground opens with: the way from "who am I" to following a run. */
export const examples: readonly Example[] = [
  {
    query: `# Paste your token into the Headers pane below: {"authorization": "Bearer <token>"}
query Start {
  viewer { id email role tenants { id name role } }
  trainingConfigs(first: 5) { edges { node { publicId name config isPublic } } }
  trainingExecutions(first: 5) { totalCount edges { node { databaseId status progress createdAt } } }
}`,
  },
  {
    query: `mutation StartTraining($input: StartTrainingInput!) {
  startTraining(input: $input) {
    __typename
    ... on TrainingExecution { databaseId status }
    ... on Error { code message path remedy }
    ... on ValidationError { fields { path message } }
  }
}`,
    variables: { input: { publicId: 'astronomy', method: 'SFT', provider: 'LOCAL' } },
  },
  {
    query: `# Every event from the beginning, then live. Resume with after: <lastSeq>.
subscription Follow($id: ID!, $after: Int! = 0) {
  executionEvents(id: $id, after: $after) {
    lastSeq
    ended
    events {
      seq
      at
      __typename
      ... on StatusEvent { from to reason }
      ... on ProgressEvent { percent step totalSteps etaSeconds }
      ... on LogEvent { level message }
      ... on MetricEvent { step values }
    }
  }
}`,
    variables: { id: 'exec_…' },
  },
  {
    query: `# Changes of all your runs: for a list.
subscription Runs {
  executionsChanged { databaseId publicId status progress etaSeconds error }
}`,
  },
  {
    query: `mutation CancelTraining($id: ID!) {
  cancelTraining(id: $id) {
    __typename
    ... on TrainingExecution { databaseId status cancelRequestedAt }
    ... on Error { code message remedy }
  }
}`,
    variables: { id: 'exec_…' },
  },
];

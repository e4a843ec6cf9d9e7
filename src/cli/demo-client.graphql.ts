import { graphql } from '../generated/graphql/gql.ts';

export const START_DEMO_RUN = graphql(`mutation StartDemoRun($input: StartTrainingInput!) {
  startTraining(input: $input) {
    __typename
    ... on TrainingExecution { databaseId publicId status error result { modelPath } }
    ... on Error { message }
  }
}`);

export const NEWEST_RUNS = graphql(`query NewestRuns {
  trainingExecutions(first: 20) {
    edges { node { databaseId publicId status error result { modelPath } } }
  }
}`);

export const ONE_RUN = graphql(`query OneRun($id: ID!) {
  trainingExecution(id: $id) { databaseId publicId status error result { modelPath } }
}`);

export const WATCH_RUN = graphql(`subscription WatchDemoRun($id: ID!) {
  executionEvents(id: $id, maxWaitMs: 200) {
    events {
      __typename
      ... on ProgressEvent { percent step totalSteps etaSeconds }
      ... on MetricEvent { values }
    }
  }
}`);

/**
 * What the client asks. The texts are exactly as codegen writes them into the list of persisted operations, sorted and
 * on one line, so that a server with PERSISTED_ONLY runs them; a test compares. Every watch sends the same text, which
 * is what lets the server serialise an event once for all who watch a run.
 */
export const EXECUTION_EVENTS = onOneLine(/* GraphQL */ `
  subscription RuncastExecutionEvents($after: Int!, $id: ID!) {
    executionEvents(after: $after, id: $id) {
      ended
      events {
        at
        attempt
        seq
        type
        ... on ApprovalEvent { by decision prompt stepId }
        ... on GapEvent { lost: reason }
        ... on LogEvent { level message source }
        ... on MetricEvent { epoch step values }
        ... on OutputEvent { delta }
        ... on ProgressEvent { etaSeconds percent step totalSteps }
        ... on ProviderEvent { raw }
        ... on StatusEvent { from reason to }
        ... on StepEvent { error name state stepAttempt stepId stepType }
      }
      hasMore
      lastSeq
    }
  }
`);

export const EXECUTION_CHANGED = onOneLine(/* GraphQL */ `
  subscription RuncastExecutionChanged($id: ID!, $maxRate: Float!) {
    executionChanged(id: $id, maxRate: $maxRate) {
      attempt
      completedAt
      databaseId
      error
      etaSeconds
      lastSeq
      progress
      startedAt
      status
    }
  }
`);

export const RENEW_TOKEN = onOneLine(/* GraphQL */ `
  mutation RuncastRenewToken($token: String!) {
    renewToken(token: $token) {
      __typename
    }
  }
`);

function onOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Our subscription's types, for servers that are not made of ours. */
export const BATCH_TYPES = `
  type ExecutionEventBatch {
    lastSeq: Int!
    ended: Boolean!
    events: [ExecutionEvent!]!
  }
  interface ExecutionEvent { seq: Int! at: String! }
  type LogEvent implements ExecutionEvent { seq: Int! at: String! message: String! }
`;

export const PEER_SCHEMA = `
  ${BATCH_TYPES}
  type Query { ok: Boolean! }
  type Subscription { executionEvents(id: ID!): ExecutionEventBatch! }
`;

const BATCH = 'lastSeq ended events { seq at ... on LogEvent { message } }';

/** What our API is asked; `maxWaitMs: 0` because the others do not let events gather either. */
export const OUR_DOCUMENT = `subscription Watch($id: ID!, $after: Int!) {
  executionEvents(id: $id, after: $after, maxWaitMs: 0) { ${BATCH} }
}`;

/** The same as pages ask it: events may gather for as long as they do by default. */
export const PAGE_DOCUMENT = `subscription Watch($id: ID!, $after: Int!) {
  executionEvents(id: $id, after: $after) { ${BATCH} }
}`;

/** The same of a peer, which has no cursors. */
export const PEER_DOCUMENT = `subscription Watch($id: ID!) { executionEvents(id: $id) { ${BATCH} } }`;

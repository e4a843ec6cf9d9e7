import { encodeGlobalId } from '../../../../src/graphql/ids.ts';
import { Received } from '../received.ts';
import type { Run, Viewer } from './world.ts';

export type Field = 'executionEvents' | 'executionChanged' | 'executionsChanged';

/** What a viewer asked to be told of, and what has come of it. */
export type Subscription = {
  viewer: Viewer;
  field: Field;
  /** Undefined for a list. */
  run: Run | undefined;
  query: string;
  variables: Record<string, unknown>;
  since: number;
  /** Of executionEvents. */
  received?: Received;
  /** The newest state that was shown of each run. */
  states: Map<string, number>;
  /** Set once it has ended, by whichever side. */
  overAt?: number;
};

/** The same text on every socket and of every viewer, so that the server may take them for one. */
const QUERIES: Record<Field, string> = {
  executionEvents: `subscription Watch($id: ID!, $after: Int! = 0, $wait: Int! = 50) {
    executionEvents(id: $id, after: $after, maxWaitMs: $wait) {
      lastSeq ended events { seq ... on LogEvent { message } }
    }
  }`,
  executionChanged: `subscription Watch($id: ID!) {
    executionChanged(id: $id) {
      databaseId lastSeq config { name isMine }
      events(last: 3) { edges { node { seq ... on LogEvent { message } } } }
    }
  }`,
  executionsChanged: 'subscription Watch { executionsChanged { databaseId lastSeq config { name isMine } } }',
};

/** @param random decides the spelling of the id, the cursor and how long events gather */
export function subscriptionTo(field: Field, viewer: Viewer, run: Run, random: () => number): Subscription {
  const base = { viewer, field, query: QUERIES[field], since: performance.now(), states: new Map() };
  if (field === 'executionsChanged') return { ...base, run: undefined, variables: {} };
  const id = random() < 0.5 ? run.id : encodeGlobalId('TrainingExecution', run.id);
  if (field === 'executionChanged') return { ...base, run, variables: { id } };
  const after = [0, run.lastSeq, Math.floor(random() * run.lastSeq)][Math.floor(random() * 3)] ?? 0;
  const variables = { id, after, wait: random() < 0.5 ? 50 : 0 };
  return { ...base, run, variables, received: new Received(run.id, { after }) };
}

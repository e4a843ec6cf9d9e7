import { type Data, follow } from './api.ts';

const EVENTS = `subscription ($id: ID!) { workflowExecutionEvents(id: $id, maxWaitMs: 0) { events {
  __typename ... on StatusEvent { to reason } ... on StepEvent { name state error }
  ... on ApprovalEvent { stepId prompt decision } } } }`;

/** Until it asks something, or is over. @param from leaves out what was before an event for which this holds */
export async function show(executionId: string, from: (event: Data) => boolean = () => true): Promise<void> {
  let isShown = false;
  for await (const { events } of follow(EVENTS, { id: executionId })) {
    for (const event of events) {
      isShown ||= from(event);
      if (!isShown) continue;
      const { __typename: type, name, state, error, prompt, decision, to, reason } = event;
      if (type === 'StepEvent') console.log(`${state}  ${name}${error ? `: ${error.message}` : ''}`);
      if (type === 'StatusEvent') console.log(`${to}${reason ? `: ${reason}` : ''}`);
      if (type === 'ApprovalEvent' && decision) console.log(decision);
      if (type === 'ApprovalEvent' && !decision) return console.log(`\n${prompt}\n`);
    }
  }
}

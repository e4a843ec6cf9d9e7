/** What the examples need of Runcast's API: one request, and one stream of events. */

// biome-ignore lint/suspicious/noExplicitAny: an answer has the shape that its document asks for.
export type Data = any;

const { RUNCAST_URL = 'http://localhost:4000', RUNCAST_TOKEN } = process.env;

/** Where the server is, without a slash at its end; the clients beside this folder name its `/graphql`. */
export const serverUrl = RUNCAST_URL.replace(/\/+(graphql\/*)?$/, '');

/**
 * Asks for one field.
 *
 * @throws {Error} with what the API has against it, and the remedy
 */
export async function ask(query: string, variables: object = {}): Promise<Data> {
  const response = await post('application/json', { query, variables });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: { message: string }[] };
  if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
  const [payload] = Object.values<Data>(data);
  if (typeof payload?.code === 'string') throw new Error(refusal(payload));
  return payload;
}

/** What every mutation asks for besides what it is for. */
export const REFUSAL = `... on Error { code message remedy } ... on ValidationError { fields { path message } }`;

function refusal({ message, remedy, fields = [] }: Data): string {
  const faults = fields.map((fault: Data) => `  ${fault.path.join('.')} ${fault.message}`);
  return [message, ...faults, ...(remedy ? [remedy] : [])].join('\n');
}

/** The results of a subscription, as server-sent events, until it is over. */
export async function* follow(query: string, variables: object): AsyncGenerator<Data> {
  const response = await post('text/event-stream', { query, variables });
  if (!response.body) throw new Error(`The server answered ${response.status} without a stream.`);
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const text = /^data: ?(.+)$/m.exec(block)?.[1];
      if (!/^event: ?next$/m.test(block) || text === undefined) continue;
      const { data, errors } = JSON.parse(text);
      if (errors) throw new Error(errors[0].message);
      yield Object.values<Data>(data)[0];
    }
  }
}

function post(accept: string, body: object): Promise<Response> {
  if (!RUNCAST_TOKEN) throw new Error('Set RUNCAST_TOKEN: npm run --silent token -- --user demo prints one.');
  return fetch(`${serverUrl}/graphql`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${RUNCAST_TOKEN}` },
    body: JSON.stringify(body),
  });
}

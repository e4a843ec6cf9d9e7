import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { type ExamplesBench, openExamples } from './bench.ts';

const json = (value: unknown) => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
const BOOKS_SECRET = Buffer.alloc(32, 'books').toString('base64');

const invoices = [
  { number: 'INV-1', date: '2026-10-02', amount: 100, customer: 'Ada' },
  { number: 'INV-2', date: '2026-10-05', amount: 250.5, customer: 'Bell' },
];
const payments = [
  { reference: 'inv-1', receivedOn: '2026-10-09', amount: 100 },
  { reference: 'INV-2', receivedOn: '2026-10-30', amount: 250.5 },
];

let bench: ExamplesBench;
let receiver: Receiver;
/** What the ledger and the bank say. */
let lists: { invoices: object[]; payments: object[] };
/** How the bank answers first, before it comes to itself. */
let refusals: number[] = [];
let workflow: string;
let commands: string[];

function answer({ path, headers }: Received) {
  if (path.startsWith('/postings')) return {};
  const refusal = path.startsWith('/payments') ? refusals.shift() : undefined;
  if (refusal) return { status: refusal };
  const isAllowed =
    headers.authorization === 'Bearer a-token-of-the-ledger' || headers['x-api-key'] === 'a-key-of-the-bank';
  if (!isAllowed) return { status: 401 };
  return json(path.startsWith('/invoices') ? { invoices: lists.invoices } : { payments: lists.payments });
}

beforeAll(async () => {
  receiver = await startReceiver(answer);
  bench = await openExamples({});
  const { url } = receiver;
  commands = bench.commands('invoice-reconciliation', {
    'https://ledger.example': url,
    'https://bank.example': url,
    'https://books.example': url,
    '$(openssl rand -base64 32)': BOOKS_SECRET,
  });
  for (const command of commands.slice(0, 3)) await bench.shell(command);
  ({ workflow } = await bench.shell(commands[3] ?? ''));
});
beforeEach(() => {
  receiver.received.length = 0;
});
afterAll(async () => {
  await bench?.close();
  await receiver?.close();
});

const run = () => bench.shell((commands[4] ?? '').replace('<workflow>', workflow));
const decide = (execution: string, decision = 'approved') =>
  bench.shell((commands[5] ?? '').replace('<execution>', execution).replace('approved', decision));
const posted = () => receiver.received.filter(({ path }) => path === '/postings');

it('posts a month in which every invoice was paid, without asking anybody', async () => {
  lists = { invoices, payments };
  const { execution, lines } = await run();
  expect(lines.at(-1)).toBe('completed');
  expect(await bench.ended(execution)).toMatchObject({
    status: 'COMPLETED',
    steps: { 'Is anything open?': { output: { holds: false } } },
  });
  const [posting, ...others] = posted();
  expect(others).toEqual([]);
  expect(() =>
    new Webhook(BOOKS_SECRET).verify(posting?.body ?? '', { ...posting?.headers } as never),
  ).not.toThrow();
  expect(JSON.parse(posting?.body ?? '')).toMatchObject({
    month: '2026-10',
    postings: [
      { number: 'INV-1', amount: 100 },
      { number: 'INV-2', amount: 250.5 },
    ],
    open: null,
    approvedBy: null,
  });
  expect(receiver.received.map(({ path }) => path).toSorted()).toEqual([
    '/invoices?month=2026-10',
    '/payments?month=2026-10',
    '/postings',
  ]);
});

const open = {
  invoices: [...invoices, { number: 'INV-3', date: '2026-10-07', amount: 75, customer: '=Curie' }],
  payments: [
    payments[0] ?? {},
    { ...payments[1], amount: 205.5 },
    { reference: 'X-9', receivedOn: '2026-10-11', amount: 12 },
  ],
};

it('asks about what is open, with a report, and posts the rest once somebody has agreed', async () => {
  lists = open;
  const asked = await run();
  expect(asked.text).toContain('# Invoices of 2026-10');
  expect(asked.text).toContain('- INV-2: amount is 250.5 on the invoice and 205.5 in the payment');
  expect(asked.text).toContain('- INV-3: 75 is not paid');
  expect(asked.text).toContain('- X-9: 12 was paid without an invoice');
  expect(posted()).toEqual([]);

  const { lines } = await decide(asked.execution);
  expect(lines.at(-1)).toBe('completed');
  const [posting] = posted();
  const body = JSON.parse(posting?.body ?? '');
  expect(body.postings).toMatchObject([{ number: 'INV-1' }]);
  expect(body.postings).toHaveLength(1);
  expect(body.open.trim().split('\n')).toEqual([
    'number,what,invoice,payment',
    'INV-2,amount,250.5,205.5',
    'INV-3,not paid,75,',
    'X-9,no invoice,,12',
  ]);
  expect(body.approvedBy).toMatch(/^[0-9a-f-]{36}$/);
});

it('posts nothing where that is refused, and tells the owner', async () => {
  lists = open;
  const { execution } = await run();
  const { lines } = await decide(execution, 'rejected');
  expect(lines.at(-1)).toBe('failed: The approval was refused.');
  expect(posted()).toEqual([]);
  const [newest] = await bench.notifications();
  expect(newest).toEqual({ title: 'Invoice reconciliation failed', body: 'The approval was refused.' });
});

it('asks a bank again that is down for a moment', async () => {
  lists = { invoices, payments };
  refusals = [503];
  const { text, lines } = await run();
  expect(text).toMatch(/^delayed {2}Payments: .*503/m);
  expect(lines.at(-1)).toBe('completed');
  expect(posted()).toHaveLength(1);
});

it('fails at once where the bank does not know the key', async () => {
  lists = { invoices, payments };
  refusals = [401];
  const { lines } = await run();
  expect(lines.at(-1)).toMatch(/^failed: .*401/);
  expect(posted()).toEqual([]);
  const [newest] = await bench.notifications();
  expect(newest?.title).toBe('Invoice reconciliation failed');
});

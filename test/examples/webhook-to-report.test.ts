import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ExamplesBench, openExamples } from './bench.ts';

let bench: ExamplesBench;
let create: string;
let send: string;

beforeAll(async () => {
  bench = await openExamples({});
  const [first = '', second = ''] = bench.commands('webhook-to-report');
  const { text, workflow } = await bench.shell(first);
  create = workflow;
  send = second
    .replace('<workflow>', workflow)
    .replace('whsec_…', /WEBHOOK_SECRET=(\S+)/.exec(text)?.[1] ?? 'none');
});
afterAll(() => bench?.close());

it('makes a page and a PDF of an order, and tells of one that is urgent', async () => {
  const { execution, lines } = await bench.shell(send);
  expect(lines.at(-1)).toBe('completed');
  const { state, steps } = await bench.ended(execution);
  expect(steps['Each line'].output).toEqual([
    { position: 1, name: 'Bolt', quantity: 200, price: 0.12, net: 24 },
    { position: 2, name: 'Wrench', quantity: 1, price: 18.5, net: 18.5 },
  ]);
  expect(state.page.content).toContain('<p>Dear Ada &amp; Co, thank you for your order.</p>');
  expect(state.page.content).toContain(
    '<tr><td>2</td><td>Wrench</td><td>1</td><td>18.50</td><td>18.50</td></tr>',
  );
  expect(state.page.content).toContain('Net 42.50, tax 8.08, <strong>total 50.58</strong>');
  const pdf = Buffer.from(state.pdf.contentBase64, 'base64');
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  expect(pdf.length).toBe(state.pdf.bytes);
  expect(await bench.notifications()).toEqual([
    {
      title: 'Urgent: order A-1',
      body: `Ada & Co writes: Express, please\n\nTotal 50.58; its confirmation has ${pdf.length} bytes.`,
    },
  ]);
});

it('tells of any other order without its note', async () => {
  const { lines } = await bench.shell(send.replace('Express, please', 'No hurry'));
  expect(lines.at(-1)).toBe('completed');
  const [newest] = await bench.notifications();
  expect(newest?.title).toBe('Order A-1');
  expect(newest?.body).not.toContain('No hurry');
});

it('takes no request that is signed with another secret', async () => {
  const other = `whsec_${Buffer.alloc(32, 'another').toString('base64')}`;
  await expect(bench.shell(send.replace(/whsec_\S+/, other))).rejects.toThrow('401');
  const { lines } = await bench.shell(`npm run --silent workflow -- runs ${create}`);
  expect(lines).toHaveLength(2);
});

import { median } from '../median.ts';
import type { Fanned } from './measure-fanout.ts';
import { inTable, type Percentiles } from './percentiles.ts';

/** What one side's rounds with so many watchers gave. */
export type Result = { watchers: number; name: string; rounds: readonly Fanned[] };

/** The sides that the others are compared with, where they took part. */
type Beside = { bare: Result | undefined; ours: Result | undefined };

const columns: [heading: string, cell: (result: Result, beside: Beside) => string][] = [
  ['watchers', ({ watchers, name }) => `${watchers} ${name}`],
  ['CPU µs a delivery', (result) => cpuOf(result).toFixed(1)],
  ['in the kernel', ({ rounds }) => median(rounds.map((round) => round.kernelMicroseconds)).toFixed(1)],
  ['÷ bare', (result, { bare }) => timesOf(result, bare)],
  ['÷ ours', (result, { ours }) => timesOf(result, ours)],
  ['CPU µs a frame', ({ rounds }) => median(rounds.map(cpuOfFrame)).toFixed(1)],
  ['deliveries/s', ({ rounds }) => median(rounds.map(({ rate }) => rate)).toFixed(0)],
  ['p50 ms', (result) => delay(result, ({ fromCommit }) => fromCommit, 'p50')],
  ['p99 ms', (result) => delay(result, ({ fromCommit }) => fromCommit, 'p99')],
  ['sending p99', (result) => delay(result, ({ fromSending }) => fromSending, 'p99')],
  ['missed', (result) => String(sum(result, 'missed'))],
  ['doubled', (result) => String(sum(result, 'doubled'))],
  ['disordered', (result) => String(sum(result, 'outOfOrder'))],
  ['events a frame', (result) => (sum(result, 'deliveries') / sum(result, 'frames')).toFixed(2)],
  ['bytes a frame', (result) => (sum(result, 'bytes') / sum(result, 'frames')).toFixed(0)],
];

export const headings = columns.map(([heading]) => heading);

/** @param names of the sides that the others are compared with */
export function rowsOf(results: readonly Result[], names: { bare: string; ours: string }): string[][] {
  return results.map((result) => {
    const named = (wanted: string) =>
      results.find(({ watchers, name }) => watchers === result.watchers && name === wanted);
    const beside = { bare: named(names.bare), ours: named(names.ours) };
    return columns.map(([, cell]) => cell(result, beside));
  });
}

function cpuOf({ rounds }: Result): number {
  return median(rounds.map(({ cpuMicroseconds }) => cpuMicroseconds));
}

/** Where events come too fast for a frame each, this is what stays the same. */
function cpuOfFrame({ cpuMicroseconds, deliveries, frames }: Fanned): number {
  return (cpuMicroseconds * deliveries) / frames;
}

function timesOf(result: Result, other: Result | undefined): string {
  return other ? (cpuOf(result) / cpuOf(other)).toFixed(2) : '–';
}

function delay({ rounds }: Result, of: (round: Fanned) => Percentiles, at: keyof Percentiles): string {
  const values = rounds.map((round) => of(round)[at]).filter((value) => value !== null);
  return inTable(values.length > 0 ? median(values) : null);
}

function sum(
  { rounds }: Result,
  figure: 'missed' | 'doubled' | 'outOfOrder' | 'deliveries' | 'frames' | 'bytes',
) {
  return rounds.reduce((total, round) => total + round[figure], 0);
}

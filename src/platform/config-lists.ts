import { z } from 'zod';
import { keyOf } from './encryption.ts';
import { type Allowance, allowanceOf } from './outbound/allowances.ts';

/** Settings that are lists, separated by commas. */
function entriesOf(text: string): string[] {
  return text.split(',').map((entry) => entry.trim());
}

export function keysOf(text: string, context: z.RefinementCtx): [Buffer, ...Buffer[]] {
  const [first, ...others] = entriesOf(text).map(keyOf);
  if (first && others.every((key) => key !== undefined)) return [first, ...others];
  context.addIssue({
    code: 'custom',
    message: 'must be keys of 32 bytes in base64, as openssl rand -base64 32 makes them, separated by commas',
  });
  return z.NEVER;
}

export function allowancesOf(text: string, context: z.RefinementCtx): Allowance[] {
  const allowances = entriesOf(text).map(allowanceOf);
  if (allowances.every((allowance) => allowance !== undefined)) return allowances;
  context.addIssue({
    code: 'custom',
    message:
      'must be hosts such as models.lan, models.lan:8000, 10.1.2.3 or 10.1.0.0/16, separated by commas',
  });
  return z.NEVER;
}

export function portsOf(text: string, context: z.RefinementCtx): number[] {
  if (text === 'any') return [];
  const ports = entriesOf(text);
  const isPort = (port: string) => /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536;
  if (ports.every(isPort)) return ports.map(Number);
  context.addIssue({ code: 'custom', message: 'must be ports separated by commas, or any' });
  return z.NEVER;
}

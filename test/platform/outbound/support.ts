import { expect } from 'vitest';
import { allowanceOf } from '../../../src/platform/outbound/allowances.ts';
import { OutboundError } from '../../../src/platform/outbound/error.ts';
import { createOutbound, type OutboundOptions } from '../../../src/platform/outbound/outbound.ts';

/** A client that may reach the hosts named, on any port. */
export function outboundTo(allowed: readonly string[], options: Partial<OutboundOptions> = {}) {
  const allowances = allowed.map((entry) => {
    const allowance = allowanceOf(entry);
    if (!allowance) throw new Error(`${entry} is no host`);
    return allowance;
  });
  return createOutbound({ ports: [], allowances, ...options });
}

/** What a request failed with, as its code; the test fails where it did not fail by a refusal. */
export async function refusalOf(request: Promise<unknown>): Promise<OutboundError> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OutboundError);
  return error as OutboundError;
}

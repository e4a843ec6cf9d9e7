import { afterEach, describe, expect, it, vi } from 'vitest';
import { rememberTokens } from '../../../src/platform/auth/remember-tokens.ts';

afterEach(() => vi.useRealTimers());

const MINUTE = 60_000;

function remembering(lifetimeSeconds: number) {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000 });
  const exp = Date.now() / 1000 + lifetimeSeconds;
  const check = vi.fn(async (token: string) => ({ role: 'authenticated' as const, sub: token, exp }));
  return { check, verify: rememberTokens(check) };
}

describe('a token that was checked', () => {
  it('is not checked again for a minute', async () => {
    const { check, verify } = remembering(3600);
    const claims = await verify('a');
    vi.setSystemTime(Date.now() + MINUTE - 1);
    expect(await verify('a')).toBe(claims);
    expect(check).toHaveBeenCalledTimes(1);
    vi.setSystemTime(Date.now() + 1);
    await verify('a');
    expect(check).toHaveBeenCalledTimes(2);
  });

  it('is checked again from the moment it expires, leeway included', async () => {
    const { check, verify } = remembering(-30);
    await verify('a');
    vi.setSystemTime(Date.now() + MINUTE / 2 - 1);
    await verify('a');
    expect(check).toHaveBeenCalledTimes(1);
    vi.setSystemTime(Date.now() + 1);
    await verify('a');
    expect(check).toHaveBeenCalledTimes(2);
  });

  it('is checked again when the clock was put back', async () => {
    const { check, verify } = remembering(3600);
    await verify('a');
    vi.setSystemTime(Date.now() - MINUTE);
    await verify('a');
    expect(check).toHaveBeenCalledTimes(2);
  });

  it('is not taken for another, and its claims cannot be changed by whoever gets them', async () => {
    const { verify } = remembering(3600);
    expect([(await verify('a')).sub, (await verify('b')).sub]).toEqual(['a', 'b']);
    expect(Object.isFrozen(await verify('a'))).toBe(true);
  });

  it('is not remembered where it was refused', async () => {
    const check = vi.fn(() => Promise.reject(new Error('refused')));
    const verify = rememberTokens(check);
    await expect(verify('a')).rejects.toThrow('refused');
    await expect(verify('a')).rejects.toThrow('refused');
    expect(check).toHaveBeenCalledTimes(2);
  });
});

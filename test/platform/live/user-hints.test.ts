import { describe, expect, it } from 'vitest';
import { type ChangedExecution, UserListeners } from '../../../src/platform/live/user-hints.ts';

const changed: ChangedExecution = { kind: 'training', id: 'a', seq: 1 };

/** Listeners of so many users, with how often each was called. */
function open(count: number) {
  const users = new UserListeners();
  const calls = new Map<string, (ChangedExecution | undefined)[]>();
  const stops = Array.from({ length: count }, (_, i) => {
    const user = `user${i}`;
    calls.set(user, []);
    return users.onUser(user, (execution) => calls.get(user)?.push(execution));
  });
  return { users, calls, stops, counts: () => [...calls.values()].map(({ length }) => length) };
}

describe('who follows a user’s executions', () => {
  it('is told of that user’s', () => {
    const { users, calls } = open(2);
    const others: unknown[] = [];
    users.onUser('user1', (execution) => others.push(execution));
    users.notify('user1', changed);
    users.notify('nobody', changed);
    expect([...calls.values(), others]).toEqual([[], [changed], [changed]]);
  });

  it('is told nothing more once it has stopped', () => {
    const { users, stops, counts } = open(2);
    stops[0]?.();
    stops[0]?.();
    users.notify('user0', changed);
    users.notifyAll();
    expect(counts()).toEqual([0, 1]);
  });

  it('is told with all others that anything may have changed, or a part at a time', () => {
    const { users, stops, counts } = open(25);
    users.notifyAll();
    expect(new Set(counts())).toEqual(new Set([1]));
    const total = () => counts().reduce((sum, count) => sum + count, 0);
    for (let part = 1; part <= 10; part += 1) {
      const before = total();
      users.notifyPart(10);
      expect(total() - before).toBeLessThanOrEqual(3);
    }
    expect(new Set(counts())).toEqual(new Set([2]));
    for (const stop of stops) stop();
    users.notifyPart(1);
    users.notifyAll();
    expect(total()).toBe(50);
  });

  it('is told once in all parts where it is alone', () => {
    const { users, counts } = open(1);
    for (let part = 1; part <= 64; part += 1) users.notifyPart(64);
    expect(counts()).toEqual([1]);
  });

  it('may stop, and others may come, while it is told', () => {
    const users = new UserListeners();
    const told: string[] = [];
    const stop = users.onUser('ann', () => {
      told.push('first');
      stop();
      users.onUser('bob', () => told.push('late'));
    });
    users.onUser('ann', () => told.push('second'));
    users.notify('ann', changed);
    expect(told).toEqual(['first', 'second']);
  });
});

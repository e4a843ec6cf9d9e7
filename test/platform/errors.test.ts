import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/platform/errors.ts';

describe('the text of what was thrown', () => {
  it('is the message of an error, and of a copy of one', () => {
    const error = new Error('the database system is starting up');
    expect(messageOf(error)).toBe('the database system is starting up');
    expect(messageOf({ ...error, message: error.message, queue: 'training.run' })).toBe(error.message);
  });

  it('is the code of a copy that has lost its message', () => {
    expect(messageOf({ ...Object.assign(new Error('lost'), { code: '57P03' }) })).toBe('57P03');
  });

  it('is anything else as text', () => {
    expect(messageOf('gone')).toBe('gone');
    expect(messageOf(undefined)).toBe('undefined');
  });
});

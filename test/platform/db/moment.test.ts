import { describe, expect, it } from 'vitest';
import { Moment } from '../../../src/platform/db/moment.ts';

describe('a moment of a row', () => {
  it.each([
    ['2026-11-22 09:30:00+00', '2026-11-22T09:30:00.000Z'],
    ['2026-11-22 09:30:00.1+00', '2026-11-22T09:30:00.100Z'],
    ['2026-11-22 09:30:00.05+00', '2026-11-22T09:30:00.050Z'],
    ['2026-11-22 09:30:00.123+00', '2026-11-22T09:30:00.123Z'],
    ['2026-02-28 23:59:59.9999+00', '2026-02-28T23:59:59.999Z'],
    ['1969-12-31 23:59:59.123456+00', '1969-12-31T23:59:59.123Z'],
    ['0044-03-15 12:00:00+00', '0044-03-15T12:00:00.000Z'],
  ])('of %s is the same moment as a date and as text', (stored, iso) => {
    const moment = new Moment(stored);
    expect(moment.getTime()).toBe(Date.parse(iso));
    expect(moment.toISOString()).toBe(iso);
    expect(JSON.stringify([moment])).toBe(`["${iso}"]`);
  });

  it.each([
    'infinity',
    '10000-01-01 00:00:00+00',
    '0044-03-15 12:00:00+00 BC',
  ])('that no Date can be read from is none: %s', (stored) => {
    expect(new Moment(stored).getTime()).toBeNaN();
    expect(() => new Moment(stored).toISOString()).toThrow(RangeError);
  });
});

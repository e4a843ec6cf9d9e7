import { parseValue } from 'graphql';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bigInt } from '../../src/graphql/scalars.ts';

describe('BigInt', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    [0n, 0],
    [-5, -5],
    ['12', 12],
    [9_007_199_254_740_991n, 9_007_199_254_740_991],
    [9_007_199_254_740_992n, '9007199254740992'],
    [9_007_199_254_740_993n, '9007199254740993'],
    [-9_007_199_254_740_993n, '-9007199254740993'],
  ])('is %s as %j, and prints nothing', (value, wanted) => {
    const warn = vi.spyOn(console, 'warn');
    expect(bigInt.serialize(value)).toBe(wanted);
    expect(warn).not.toHaveBeenCalled();
  });

  it('takes numbers and text, as numbers while they are exact', () => {
    expect(bigInt.parseValue(7)).toBe(7);
    expect(bigInt.parseValue('-7')).toBe(-7);
    expect(bigInt.parseValue('9007199254740993')).toBe(9_007_199_254_740_993n);
    expect(bigInt.parseLiteral(parseValue('9007199254740993'), {})).toBe(9_007_199_254_740_993n);
    expect(bigInt.parseLiteral(parseValue('"12"'), {})).toBe(12);
  });

  it.each([1.5, '1.5', '', ' 1', '0x10', true, null, {}, Number.NaN])('refuses %j', (value) => {
    expect(() => bigInt.parseValue(value)).toThrow('BigInt takes a whole number');
    expect(() => bigInt.serialize(value)).toThrow('BigInt takes a whole number');
  });

  it('refuses literals of other kinds', () => {
    for (const literal of ['1.5', 'true', 'ONE', '[1]']) {
      expect(() => bigInt.parseLiteral(parseValue(literal), {})).toThrow('BigInt takes a whole number');
    }
  });
});

import { describe, expect, it } from 'vitest';
import { stepConfigs } from '../../../src/modules/steps/definition/step-configs.ts';

const faultsOf = (type: 'match' | 'reconcile' | 'condition', config: unknown) =>
  (stepConfigs[type].safeParse(config).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')} ${message}`,
  );

describe('patterns', () => {
  const NO_PATTERN =
    'must be a valid regular expression in RE2’s syntax, without back references and lookaround';
  const ofMatch = (pattern: string) => faultsOf('match', { pattern, fields: ['input'] });
  const ofCondition = (value: unknown) =>
    faultsOf('condition', { conditions: [{ field: 'input', operator: 'regex', value }], then: [] });

  it.each(['(a+)+$', '(?i)x', '\\p{Greek}', '(?P<name>a)'])('may be %s', (pattern) => {
    expect(ofMatch(pattern)).toEqual([]);
    expect(ofCondition(pattern)).toEqual([]);
  });

  it.each(['(', '(?=a)', '(?<!a)b', '(a)\\1', '[z-a]', '(a{100}){100}'])('may not be %s', (pattern) => {
    expect(ofMatch(pattern)).toEqual([`pattern ${NO_PATTERN}`]);
    expect(ofCondition(pattern)).toEqual([`conditions.0.value ${NO_PATTERN}`]);
  });
});

describe('the rules of a reconciliation', () => {
  const faults = (...matchingRules: unknown[]) =>
    faultsOf('reconcile', { sourceA: 'a', sourceB: 'b', matchingRules, reconciliationStrategy: 'merge' });

  it('name a field of both, or one of each', () => {
    expect(
      faults({ field: 'number' }, { fieldA: 'no', fieldB: 'invoice.no', caseInsensitive: true }),
    ).toEqual([]);
    expect(faults({ field: 'amount', tolerance: 0.01 }, { field: 'day', toleranceDays: 2 })).toEqual([]);
    expect(faults({ field: 'number' }, { newerBy: 'updatedAt' })).toEqual([]);
  });

  it.each<[unknown[], string]>([
    [[], 'matchingRules must not be empty'],
    [[{}], 'matchingRules.0 needs a field, or fieldA and fieldB, or newerBy'],
    [[{ fieldA: 'x' }], 'matchingRules.0 needs both fieldA and fieldB'],
    [[{ field: 'x', fieldB: 'y' }], 'matchingRules.0 must have either field, or fieldA and fieldB'],
    [[{ field: 'x', tolerance: -1 }], 'matchingRules.0.tolerance must not be negative'],
    [[{ field: 'x', tolerance: 'a' }], 'matchingRules.0.tolerance must be a number'],
    [
      [{ field: 'x', tolerance: 1, caseInsensitive: true }],
      'matchingRules.0 must have only one of tolerance, toleranceDays and caseInsensitive',
    ],
    [[{ field: 'x', fuzzy: 1 }], 'matchingRules.0 must not have "fuzzy"'],
    [['x'], 'matchingRules.0 must be a JSON object'],
    [[{ newerBy: 'x' }], 'matchingRules must hold a rule with a field'],
    [[{ field: 'x' }, { newerBy: 'x', field: 'y' }], 'matchingRules.1 must have nothing beside newerBy'],
    [
      [{ field: 'x' }, { newerBy: 'x' }, { newerBy: 'y' }],
      'matchingRules must name only one field as newerBy',
    ],
  ])('may not be %j', (rules, fault) => {
    expect(faults(...rules)).toEqual([fault]);
  });
});

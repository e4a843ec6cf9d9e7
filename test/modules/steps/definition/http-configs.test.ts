import { describe, expect, it } from 'vitest';
import { stepConfigs } from '../../../../src/modules/steps/definition/step-configs.ts';

const faultsOf = (auth: unknown, endpoint = 'https://example.com/') =>
  stepConfigs.api
    .safeParse({ endpoint, method: 'GET', auth })
    .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];

describe('who an API step calls as', () => {
  it.each([
    { type: 'bearer', token: '{{secrets.TOKEN}}' },
    { type: 'basic', username: 'key', password: '' },
    { type: 'apiKey', name: 'X-Api-Key', value: '{{secrets.KEY}}' },
    { type: 'apiKey', in: 'query', name: 'the key', value: 'x' },
    { type: 'oauth', tokenUrl: 'https://{{ input.host }}/token', clientId: 'a', clientSecret: 'b' },
    { type: 'bearer', token: 'x', note: 'kept as it is' },
  ])('may be %j', (auth) => {
    expect(faultsOf(auth)).toEqual([]);
    const parsed = stepConfigs.api.parse({ endpoint: 'https://example.com/', method: 'GET', auth });
    expect(parsed.auth).toMatchObject(auth);
  });

  it.each([
    [{ type: 'digest' }, ['auth.type must be one of bearer, basic, apiKey, oauth']],
    [{}, ['auth.type must be one of bearer, basic, apiKey, oauth']],
    ['bearer', ['auth must be a JSON object']],
    [{ type: 'bearer' }, ['auth.token must be text']],
    [{ type: 'bearer', token: '' }, ['auth.token must not be empty']],
    [{ type: 'basic', username: 5 }, ['auth.username must be text', 'auth.password must be text']],
    [{ type: 'apiKey', in: 'cookie', name: 'a', value: 'b' }, ['auth.in must be header or query']],
    [{ type: 'apiKey', name: 'a b', value: 'b' }, ['auth.name must be the name of a header']],
    [
      { type: 'oauth', tokenUrl: 'ftp://a', clientId: 'a' },
      ['auth.tokenUrl must be an http or https URL', 'auth.clientSecret must be text'],
    ],
  ])('may not be %j', (auth, faults) => {
    expect(faultsOf(auth)).toEqual(faults);
  });
});

it('names secrets behind the question mark of a URL alone', () => {
  expect(faultsOf(undefined, 'https://example.com/?key={{secrets.KEY}}&a={{ input.a }}')).toEqual([]);
  for (const url of ['https://{{secrets.HOST}}/', 'https://example.com/{{ secrets . KEY }}?a=1']) {
    expect(faultsOf(undefined, url)).toEqual(['endpoint must name secrets behind its ? alone']);
    expect(stepConfigs.webhook.safeParse({ url, method: 'POST' }).success).toBe(false);
  }
});

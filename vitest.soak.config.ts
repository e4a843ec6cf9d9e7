import { mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

const soak = mergeConfig(base, { test: { testTimeout: 3_600_000, fileParallelism: false } });
if (soak.test) soak.test.include = ['test/**/*.soak.ts'];

export default soak;

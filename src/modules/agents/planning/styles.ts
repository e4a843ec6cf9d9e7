import type { PlanningStyle } from '../vocabulary.ts';
import { hierarchical } from './hierarchical.ts';
import { hybrid } from './hybrid.ts';
import { parallel } from './parallel.ts';
import { reactive } from './reactive.ts';
import { sequential } from './sequential.ts';
import type { Strategy } from './strategies.ts';

export const strategies: Record<PlanningStyle, Strategy> = {
  sequential,
  parallel,
  hierarchical,
  reactive,
  hybrid,
};

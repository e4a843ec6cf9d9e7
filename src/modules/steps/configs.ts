import type { z } from 'zod';
import type { stepConfigs } from './definition/step-configs.ts';
import type { StepType } from './vocabulary.ts';

/** The `config` of a step of a type, as it is parsed. */
export type StepConfig<Type extends StepType> = z.infer<(typeof stepConfigs)[Type]>;

import type { Sandbox } from '../../platform/sandbox/sandbox.ts';
import { createCondition, createConditions } from './conditions.ts';
import { createFillIn } from './fill-in.ts';
import { createDocuments, createGenerate } from './generate.ts';
import { createLoopItems } from './loop-items.ts';
import { createMatch } from './match.ts';
import { createReconcile } from './reconcile.ts';
import { createTransform } from './transform.ts';

/** The steps that reach nothing outside, and what the others are made with. */
export function createPureRunners({ sandbox }: { sandbox: Sandbox }) {
  const fillIn = createFillIn(sandbox);
  const conditions = createConditions({ sandbox, fillIn });
  const documents = createDocuments({ sandbox });
  return {
    runners: {
      transform: createTransform({ sandbox }),
      match: createMatch({ sandbox }),
      reconcile: createReconcile({ sandbox }),
      generate: createGenerate({ documents, fillIn }),
      condition: createCondition(conditions),
    },
    loopItems: createLoopItems({ sandbox }),
    ...{ fillIn, conditions, documents },
  };
}

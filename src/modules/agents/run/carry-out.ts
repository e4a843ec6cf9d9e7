import { type StepCall, StepError } from '../../steps/step.ts';
import { toolConfigs } from '../tool-configs.ts';
import type { AskModel } from './model-steps.ts';
import type { RunParts } from './parts.ts';
import { said } from './prompt.ts';
import type { CarryOut } from './tools.ts';

/** A tool of each category, by whom it is carried out. */
export function carryingOut({
  run,
  ports,
  children,
  ask,
}: Pick<RunParts, 'run' | 'ports' | 'children'> & { ask: AskModel }): CarryOut {
  return async (key, tool, args, call) => {
    const { category, config } = tool;
    if (category === 'ai') {
      const { prompt, model } = toolConfigs.ai.parse(config);
      const messages = [{ role: 'system' as const, content: prompt }, said(JSON.stringify(args))];
      const { text } = await ask(`${key}/model`, { messages, model, isOutput: false });
      return text;
    }
    if (category === 'workflow') return await startAndWait(key, tool.name, config, args, call);
    const runner = ports.toolRunners[category];
    if (runner === undefined) {
      const message = `this worker cannot call tools of the category ${category}`;
      throw new StepError({ code: 'NO_RUNNER', message }, { isFinal: true });
    }
    return await runner(tool, args, call);
  };

  function startAndWait(key: string, name: string, config: unknown, input: unknown, { owner }: StepCall) {
    const { workflowId } = toolConfigs.workflow.parse(config);
    const { startWorkflow } = ports;
    if (startWorkflow === undefined) {
      const message = 'this worker cannot start workflows';
      throw new StepError({ code: 'NO_RUNNER', message }, { isFinal: true });
    }
    const parent = { kind: 'agent', id: run.executionId } as const;
    return children.outputOf({
      key: `${key}/child`,
      name,
      kind: 'workflow',
      start: (sql, idempotencyKey) =>
        startWorkflow(sql, { workflowId, input, owner, parent, idempotencyKey }),
    });
  }
}

// Which way imports may run: main → app and cli → modules → graphql and platform → libraries. Between modules only
// to the left of the list, and only to a file that offers services, never to somebody's types or resolvers.
const modules = [
  'accounts',
  'secrets',
  'notifications',
  'observability',
  'billing',
  'executions',
  'training',
  'steps',
  'agents',
  'workflows',
];
const shared =
  '(service|status|start|run-service|errors|providers|demo-user|events|refs|table|tenant-refusal|vocabulary|tenant-types|version|versioned)';

const betweenModules = modules.map((name, at) => ({
  name: `${name}-imports-to-the-left`,
  comment: `${name} may import the modules left of it, and of those only service-level files`,
  severity: 'error',
  from: { path: `^src/modules/${name}/` },
  to: {
    path: '^src/modules/',
    pathNot: [
      `^src/modules/${name}/`,
      ...(at ? [`^src/modules/(${modules.slice(0, at).join('|')})/${shared}\\.ts$`] : []),
      // What sends notifications is for the steps and whoever runs them.
      ...(modules.indexOf('notifications') < at ? ['^src/modules/notifications/(channels/|sql\\.ts$)'] : []),
      // What all kinds of executions have in common is for each of them.
      ...(modules.indexOf('executions') < at ? ['^src/modules/executions/'] : []),
      // What steps are made of has no types and no resolvers of its own.
      ...(modules.indexOf('steps') < at ? ['^src/modules/steps/'] : []),
    ],
  },
}));

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'platform-knows-no-domain',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/(app|cli|graphql|modules|main)' },
    },
    {
      name: 'graphql-knows-no-domain',
      comment: 'schema.ts is the explicit list of the modules',
      severity: 'error',
      from: { path: '^src/graphql/', pathNot: '^src/graphql/schema\\.ts$' },
      to: { path: '^src/(app|cli|modules|main)' },
    },
    {
      name: 'modules-know-no-composition',
      severity: 'error',
      from: { path: '^src/modules/' },
      to: { path: '^src/(app|cli|main|graphql/(schema|yoga|websocket))' },
    },
    {
      name: 'app-knows-no-command',
      severity: 'error',
      from: { path: '^src/app/' },
      to: { path: '^src/(cli|main)' },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'the-trainer-stands-alone',
      comment: 'it runs as a program of its own, with nothing but Node and a validation library',
      severity: 'error',
      from: { path: '^src/modules/training/trainer/' },
      to: { path: '^src/', pathNot: '^src/modules/training/trainer/' },
    },
    {
      name: 'the-client-stands-alone',
      comment: 'it runs in browsers, with nothing but the client of graphql-ws, and React in its hook',
      severity: 'error',
      from: { path: '^src/client/', pathNot: '^src/client/react\\.ts$' },
      to: { pathNot: '^src/client/|^node_modules/graphql-ws/dist/client\\.js$' },
    },
    {
      name: 'react-in-the-hook-alone',
      severity: 'error',
      from: { path: '^src/client/react\\.ts$' },
      to: { pathNot: '^src/client/|^node_modules/(@types/)?react/' },
    },
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(generated/|client/react\\.ts$)' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    ...betweenModules,
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/generated/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};

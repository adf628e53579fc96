/**
 * The layers of `lib`, lowest first. A file imports from its own layer or a lower one; never upward, never in
 * a circle. Type-only imports count: a type from above is knowledge from above.
 */
const layers = [
  'model',
  'ports',
  'stream',
  'graph',
  'state',
  'operators',
  'task',
  'checkpoint',
  'node',
  'connectors',
  'embedded',
  'serverless',
  'aws',
  'index.ts',
  'testing',
]

/** What the lint rules for purity call the core: no Node module may be imported there, under any name. */
const core = layers.slice(0, layers.indexOf('checkpoint') + 1)

const outsideLib = '^(cli|functions|infra|web|demo|examples|bench|test)/'
const inLib = (names) => `^lib/(${names.map((name) => name.replace('.', '\\.')).join('|')})(/|$)`

const upward = layers.slice(0, -1).map((layer, rank) => ({
  name: `${layer}-imports-upward`,
  comment: `lib/${layer} may import only ${layers.slice(0, rank + 1).join(', ')}`,
  severity: 'error',
  from: { path: inLib([layer]) },
  to: { path: inLib(layers.slice(rank + 1)) },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...upward,
    {
      name: 'circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unknown-layer',
      comment: 'a new folder of lib takes a place in the list of layers first',
      severity: 'error',
      from: { path: '^lib/', pathNot: inLib(layers) },
      to: {},
    },
    {
      name: 'import-of-unknown-layer',
      severity: 'error',
      from: {},
      to: { path: '^lib/', pathNot: inLib(layers) },
    },
    {
      name: 'lib-imports-its-users',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: outsideLib },
    },
    {
      name: 'examples-use-the-package',
      comment: 'an example imports what a user can: `millrace` and `millrace/testing`',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^lib/', pathNot: '^lib/(index|testing/index)\\.ts$' },
    },
    {
      name: 'core-imports-node',
      severity: 'error',
      from: { path: inLib(core) },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'aws-sdk-outside-lib-aws',
      severity: 'error',
      from: { path: '^(lib|cli|functions|examples)/', pathNot: '^lib/aws/' },
      to: { path: '(^|node_modules/)@(aws-sdk|smithy)/' },
    },
    {
      name: 'functions-import-the-embedded-runtime',
      comment: 'what both runtimes need lies below both',
      severity: 'error',
      from: { path: '^lib/(serverless|aws)/' },
      to: { path: '^lib/embedded/' },
    },
    {
      name: 'lmdb-outside-lib-embedded',
      severity: 'error',
      from: { path: '^(lib|cli|functions|examples)/', pathNot: '^lib/embedded/' },
      to: { path: '(^|node_modules/)lmdb(/|$)' },
    },
    {
      name: 'published-code-imports-dev-dependency',
      severity: 'error',
      from: { path: '^(lib|cli|infra)/' },
      // An optional peer, such as the AWS SDK, is installed for our own tests as well.
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
    {
      name: 'unresolvable',
      severity: 'error',
      from: {},
      // The user's job: a bundler puts it there (infra/bundling.ts).
      to: { couldNotResolve: true, pathNot: '^millrace-job$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|test/architecture/fixtures)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['millrace-source', 'node', 'import', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.d.ts', '.json'],
    },
  },
}

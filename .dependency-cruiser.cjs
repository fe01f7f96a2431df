/**
 * Who may import whom. What is not named here is denied: an entry of `src/` without a line fails the check, and so does
 * an import that no line allows. There is no list of exceptions.
 */
const { existsSync, readdirSync } = require('node:fs');

/** Each entry of `src/`, and what of `src/` it may import beside itself and `kernel`. */
const mayImport = {
  kernel: [],
  accounts: [],
  flow: [],
  ledger: [],
  outbox: [],
  speech: [],
  desk: ['accounts', 'outbox'],
  call: ['flow', 'desk', 'accounts', 'ledger', 'speech'],
  web: ['accounts', 'flow', 'call', 'desk', 'ledger', 'outbox', 'speech'],
  cli: ['accounts', 'flow', 'call', 'desk', 'ledger', 'outbox', 'speech', 'web'],
  telephony: ['call'],
  store: ['accounts', 'flow', 'call', 'desk', 'ledger', 'outbox', 'speech'],
  switch: [],
  'config.ts': ['accounts', 'outbox'],
  'data-dir.ts': [],
  'logger.ts': ['config.ts'],
  program: 'everything',
  'main.ts': 'everything',
};

/** The check is tried on planted trees too: they are where it is started. */
const root = process.cwd();
const entries = existsSync(`${root}/src`) ? readdirSync(`${root}/src`) : [];
const unnamed = entries.filter((entry) => !(entry in mayImport));
if (unnamed.length > 0) {
  const names = unnamed.map((entry) => `src/${entry}`).join(', ');
  throw new Error(`${names}: no line in .dependency-cruiser.cjs says what it may import; give it one`);
}

const escaped = (text) => text.replaceAll('.', '[.]');
/** A folder, or a file of that name. */
const within = (...names) => `^src/(${names.map((name) => `${escaped(name)}${/[.]ts$/.test(name) ? '$' : '/'}`).join('|')})`;
const rooms = Object.entries(mayImport)
  .filter(([, allowed]) => allowed !== 'everything')
  .map(([room, allowed]) => ({
    name: `${room}-imports`,
    severity: 'error',
    from: { path: within(room) },
    to: { path: '^src/', pathNot: within(room, 'kernel', ...allowed) },
  }));

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    ...rooms,
    {
      name: 'telephony-packages',
      comment: 'Only telephony knows drachtio and the event socket',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/telephony/' },
      to: { path: 'node_modules/(drachtio-|modesl)' },
    },
    {
      name: 'store-packages',
      comment: 'Only store knows the databases',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/(ioredis|kysely|pg)/' },
    },
    {
      name: 'console-imports',
      comment: 'The pages run in a browser: of the rest of the house they know types alone',
      severity: 'error',
      from: { path: '^src/web/console/' },
      to: { path: '^src/', pathNot: '^src/web/console/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'found',
      comment: 'An import that leads nowhere cannot be judged',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.cjs', '.mjs'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};

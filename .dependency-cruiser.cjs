/** The arrows of the house (who may import whom). No exceptions list. */
const rooms = (...names) => `^src/(${names.join('|')})/`;
const rest = '(accounts|billing|call|cli|desk|flow|kernel|ledger|outbox|program|speech|store|switch|telephony|uptime|web)';
/** `room` may import itself, the `allowed` rooms and packages, nothing else of src. */
const only = (room, ...allowed) => ({
  name: `${room}-imports`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: `^src/(${rest}/|main\\.ts|config\\.ts)`, pathNot: rooms(room, ...allowed) },
});
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    only('kernel'),
    ...['accounts', 'flow', 'ledger', 'outbox', 'speech'].map((room) => only(room, 'kernel')),
    only('desk', 'accounts', 'outbox', 'kernel'),
    only('billing', 'ledger', 'accounts', 'outbox', 'kernel'),
    only('uptime', 'ledger', 'accounts', 'outbox', 'kernel'),
    only('call', 'flow', 'desk', 'accounts', 'ledger', 'speech', 'kernel'),
    only('web', 'accounts', 'flow', 'call', 'desk', 'ledger', 'billing', 'uptime', 'outbox', 'speech', 'kernel'),
    only('cli', 'accounts', 'flow', 'call', 'desk', 'ledger', 'billing', 'uptime', 'outbox', 'speech', 'web', 'kernel'),
    only('telephony', 'kernel', 'call'),
    only('store', 'kernel', 'accounts', 'flow', 'call', 'desk', 'ledger', 'billing', 'uptime', 'outbox', 'speech'),
    only('switch', 'kernel'),
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
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The parser knows no JSX; test/tidy looks at what the console imports.
    exclude: { path: '[.]tsx$' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.cjs', '.mjs'], exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};

import { runCommandLine } from './program/command-line.ts';

// What is written belongs to whoever runs it alone, also by the processes started here.
process.umask(0o077);
process.exitCode = await runCommandLine(process.argv.slice(2), {
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
});

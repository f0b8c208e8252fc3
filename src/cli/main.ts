#!/usr/bin/env node
import { Command } from 'commander'
import { InvalidArgument, PaxosError } from '../client/index.ts'
import { StartError } from '../core/start-error.ts'
import { visible } from '../core/visible.ts'
import { BackupError } from '../storage/backup-file.ts'
import { keepPrivate } from '../storage/permissions.ts'
import { StorageError } from '../storage/storage.ts'
import { addBackupCommand } from './backup.ts'
import { addClusterCommand } from './cluster.ts'
import { type ErrorCode, exitCodes, exitCodesHelp, Failure } from './exit-codes.ts'
import { addInspectCommand } from './inspect.ts'
import { addKvCommand } from './kv.ts'
import { addLockCommand } from './lock.ts'
import { addLocksCommand } from './locks.ts'
import { addMembersCommand } from './members.ts'
import { addNodeCommand } from './node.ts'
import { complain, printJson } from './output.ts'
import { addQuotaCommand } from './quota.ts'
import { addRecoverCommand } from './recover.ts'
import { addRestoreCommand } from './restore.ts'
import { addSessionsCommand } from './sessions.ts'
import { addStatusCommand } from './status.ts'
import { addStorageCommand } from './storage.ts'
import { addUnlockCommand } from './unlock.ts'
import { addUpgradeCommand } from './upgrade.ts'
import { packageVersion } from './version.ts'

const program = new Command('paxos')
  .description('A cluster of servers that agree by Paxos, over UDP; with a lock service on it.')
  .version(packageVersion(), '--version', 'print the version')
  // Commander exits with 1 after a wrong use.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitCodes.done : exitCodes.usage))
  .configureOutput({
    // Print every error on one line.
    outputError: (message) =>
      report(
        'usage',
        message
          .trim()
          .replace(/^error: /, '')
          .replaceAll(/\s*\n\s*/g, ' '),
      ),
  })
  .addHelpText(
    'after',
    `
${exitCodesHelp}

Any UDP client can ask, in plain text:
  printf "REQUEST:-1:-1:(21,'LOCK','a')" | nc -u 127.0.0.1 29367`,
  )

keepPrivate()

addClusterCommand(program)
addNodeCommand(program)
addLockCommand(program)
addUnlockCommand(program)
addLocksCommand(program)
addKvCommand(program)
addSessionsCommand(program)
addStatusCommand(program)
addInspectCommand(program)
addMembersCommand(program)
addQuotaCommand(program)
addUpgradeCommand(program)
addStorageCommand(program)
addBackupCommand(program)
addRestoreCommand(program)
addRecoverCommand(program)
// The other commands bring half of the code, and only they and the help need it.
if (!program.commands.some((command) => command.name() === process.argv[2])) {
  const { addVerifyingCommands } = await import('./verifying.ts')
  addVerifyingCommands(program)
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that closed its end, such as `head`, or a closed terminal must not stop the command.
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof Failure) {
    report(error.code, error.message)
    process.exit(error.exitCode)
  }
  if (error instanceof InvalidArgument) {
    report('usage', visible(error.message))
    process.exit(exitCodes.usage)
  }
  const isExpected = [StartError, StorageError, BackupError, PaxosError].some((kind) => error instanceof kind)
  if (isExpected) report('failed', visible((error as Error).message))
  else report('internal', `a bug in paxos:  ${(error as Error).stack ?? error}`)
  process.exit(exitCodes.failed)
}

/** Reports an error: as JSON with `--json`, otherwise as text on stderr. */
function report(code: ErrorCode, message: string): void {
  const options = process.argv.includes('--')
    ? process.argv.slice(0, process.argv.indexOf('--'))
    : process.argv
  if (options.includes('--json')) printJson({ error: { code, message } })
  else complain(message)
}

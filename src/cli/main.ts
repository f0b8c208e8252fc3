#!/usr/bin/env node
import { Command } from 'commander'
import { PaxosError } from '../client/index.ts'
import { StartError } from '../node/errors.ts'
import { StorageError } from '../node/storage/storage.ts'
import { addCheckCommand } from './check.ts'
import { addClusterCommand } from './cluster.ts'
import { exitCodes, exitCodesHelp, Failure } from './exit-codes.ts'
import { addInspectCommand } from './inspect.ts'
import { addLockCommand } from './lock.ts'
import { addMembersCommand } from './members.ts'
import { addNodeCommand } from './node.ts'
import { complain } from './output.ts'
import { addSimulateCommand } from './simulate.ts'
import { addStatusCommand } from './status.ts'
import { addTraceCommand } from './trace.ts'
import { addTranscriptCommand } from './transcript.ts'
import { addUnlockCommand } from './unlock.ts'

const program = new Command('paxos')
  .description('A cluster of servers that agree by Paxos, over UDP; with a lock service on it.')
  .configureOutput({
    // One line, whatever was wrong.
    outputError: (message, write) =>
      write(
        `paxos: ${message
          .trim()
          .replace(/^error: /, '')
          .replaceAll(/\s*\n\s*/g, ' ')}\n`,
      ),
  })
  .addHelpText(
    'after',
    `
${exitCodesHelp}

Any UDP client can ask, in plain text:
  printf "REQUEST:-1:-1:(21,'LOCK','a')" | nc -u 127.0.0.1 29367`,
  )

addClusterCommand(program)
addNodeCommand(program)
addLockCommand(program)
addUnlockCommand(program)
addStatusCommand(program)
addInspectCommand(program)
addMembersCommand(program)
addTraceCommand(program)
addSimulateCommand(program)
addCheckCommand(program)
addTranscriptCommand(program)

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Somebody who reads no more, such as `head`, is no reason to stop a server.
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof Failure) {
    complain(error.message)
    process.exit(error.exitCode)
  }
  const isExpected = [StartError, StorageError, PaxosError].some((kind) => error instanceof kind)
  complain(
    isExpected ? (error as Error).message : `a mistake in paxos itself: ${(error as Error).stack ?? error}`,
  )
  process.exit(exitCodes.failed)
}

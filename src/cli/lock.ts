import type { Command } from 'commander'
import { visible } from '../core/visible.ts'
import type { LockToken } from '../services/lock-commands.ts'
import { ask, ending, type Patience } from './ask.ts'
import { Failure, signalExitCodes } from './exit-codes.ts'
import { defaultTimeoutMs, jsonOption, serversOption, timeoutOption } from './options.ts'
import { complain, print, printJson } from './output.ts'
import { runCommand } from './run-command.ts'
import { holdStopSignals } from './signals.ts'

export function addLockCommand(program: Command): void {
  program
    .command('lock')
    .description(
      'wait for the lock NAME and take it; it is held until it is unlocked, or until COMMAND has ended',
    )
    .usage('[options] <NAME> [-- COMMAND...]')
    .argument('<NAME>', 'the name of the lock')
    .argument('[COMMAND...]', 'a command to run under the lock, after --')
    .addOption(serversOption())
    .addOption(timeoutOption(null))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
With a COMMAND, the lock is freed when the command has ended. The command finds the fencing token in PAXOS_LOCK_TOKEN, receives the
signals that this program receives, and its exit code is the exit code. Nothing is printed on stdout.`,
    )
    .action(ending(lock))
}

interface LockOptions extends Patience {
  readonly json?: boolean
}

async function lock(name: string, command: readonly string[], options: LockOptions): Promise<void> {
  const { json, ...patience } = options
  if (command.length > 0 && json) {
    throw new Failure('--json has no meaning with a command, whose output this is: leave it out')
  }
  if (command.length > 0) {
    await lockAndRun(name, command, patience)
    return
  }
  const token = await taken(name, patience)
  if (json) printJson({ name, token })
  else print(`locked ${visible(name)} token ${token}`)
}

async function taken(name: string, patience: Patience): Promise<LockToken> {
  const { token } = await ask(patience, (client, signal) => client.lock(name, { signal }))
  return token
}

/** Runs the command under the lock, and frees the lock however the command ends. No signal ends this program while it holds the lock. */
async function lockAndRun(name: string, command: readonly string[], patience: Patience): Promise<void> {
  const signals = holdStopSignals()
  try {
    const token = await taken(name, patience)
    try {
      const signal = signals.first()
      if (signal !== null) throw new Failure('interrupted', signalExitCodes[signal])
      const env = { PAXOS_LOCK_TOKEN: String(token) }
      process.exitCode = await runCommand(command, { env, hasTerminal: process.stdin.isTTY })
    } finally {
      await free(name, token, patience.servers)
    }
  } finally {
    signals.release()
  }
}

/** Frees the lock. The exit code stays that of the command, so a lock that cannot be freed is reported on stderr only. */
async function free(name: string, token: LockToken, servers: Patience['servers']): Promise<void> {
  const held = `${visible(name)} token ${token}`
  try {
    const freed = await ask({ servers, timeout: defaultTimeoutMs }, (client, signal) =>
      client.unlock(name, token, { signal }),
    )
    if (!freed) complain(`the lock ${held} was no longer held when the command ended`)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    complain(`the lock ${held} may still be held: ${error.message}`)
  }
}

import type { Command } from 'commander'
import { visible } from '../core/visible.ts'
import type { LockToken } from '../services/lock-commands.ts'
import { ask, ending, type Patience } from './ask.ts'
import { Failure, signalExitCodes, wrongUse } from './exit-codes.ts'
import { defaultTimeoutMs, jsonOption, serversOption, timeoutOption } from './options.ts'
import { complain, print, printJson, shellCommand } from './output.ts'
import { runCommand } from './run-command.ts'
import { holdSignals, onStopSignal, type StopSignal } from './signals.ts'

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
With a COMMAND, the lock is freed when the command has ended. The command finds the fencing token in PAXOS_LOCK_TOKEN, and its exit code
is the exit code. Nothing is printed on stdout. While the command runs, it receives the SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1 and
SIGUSR2 that this program receives. In the foreground of a terminal, Ctrl-C and Ctrl-\\ reach the command directly, so SIGINT and SIGQUIT
are not forwarded there: to stop the command from elsewhere, send SIGTERM.`,
    )
    .action(ending(lock))
}

interface LockOptions extends Patience {
  readonly json?: boolean
}

async function lock(
  name: string,
  command: readonly string[],
  options: LockOptions,
  self: Command,
): Promise<void> {
  const { json, ...patience } = options
  // Commander gives the words after `--` and not whether `--` was there.
  if (command.length === 0 && process.argv.indexOf('--') === process.argv.length - 1) {
    self.error(
      'error: no command follows --: give one, or leave out -- to keep the lock until it is unlocked',
    )
  }
  if (command.length > 0 && json) {
    throw wrongUse('--json has no meaning with a command, whose output this is: leave it out')
  }
  if (command.length > 0) {
    await lockAndRun(name, command, patience)
    return
  }
  const token = await taken(name, patience)
  if (json) printJson({ name, token })
  else print(`locked ${visible(name)} token ${token}`)
}

async function taken(name: string, patience: Patience, onStop = onStopSignal): Promise<LockToken> {
  return ask(patience, (client, signal) => client.locks.acquireDetached(name, { signal }), onStop)
}

/**
 * Runs the command under the lock, and frees the lock however the command ends. Signals do not end this program before that, unless
 * the user insists.
 */
async function lockAndRun(name: string, command: readonly string[], patience: Patience): Promise<void> {
  const signals = holdSignals()
  try {
    const token = await taken(name, patience, (stop) => onStopSignal(stop, endWith(mayBeGranted(name))))
    try {
      const signal = signals.firstStop()
      if (signal !== null) throw new Failure('interrupted', signalExitCodes[signal])
      process.exitCode = await runCommand(command, { PAXOS_LOCK_TOKEN: String(token) })
    } finally {
      await free(name, token, patience.servers)
    }
  } finally {
    signals.release()
  }
}

/** Ends the process at once, and prints `message`. */
function endWith(message: string): (signal: StopSignal) => never {
  return (signal) => {
    complain(message)
    process.exit(signalExitCodes[signal])
  }
}

function mayBeGranted(name: string): string {
  return `ended before the cluster took the request back: it may still grant the lock ${visible(name)}`
}

/** Frees the lock. The exit code stays that of the command, so a lock that cannot be freed is reported on stderr only. */
async function free(name: string, token: LockToken, servers: Patience['servers']): Promise<void> {
  const held = `${visible(name)} token ${token}`
  const unlock = shellCommand(['paxos', 'unlock', name, '--token', String(token)])
  const mayBeHeld = `the lock ${held} may still be held, and ${unlock} frees it`
  // The command has ended, and a signal that was meant for it must not leave the lock behind.
  const insist = () => complain(`the lock ${held} is being freed; a further signal ends this at once`)
  try {
    const freed = await ask(
      { servers, timeout: defaultTimeoutMs },
      (client, signal) => client.locks.release(name, token, { signal }),
      () => onStopSignal(insist, endWith(mayBeHeld)),
    )
    if (!freed) complain(`the lock ${held} was no longer held when the command ended`)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    complain(`${mayBeHeld}: ${error.message}`)
  }
}

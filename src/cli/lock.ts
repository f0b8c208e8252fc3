import { type Command, Option } from 'commander'
import { sessionTtlMs } from '../../machines/limits.ts'
import { type Client, connect, type Lock, LockBusy, LockLost, type LockOptions } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { lockLimits } from '../services/lock.ts'
import type { LockToken } from '../services/lock-commands.ts'
import { ask, askWith, ending, type Patience } from './ask.ts'
import { formatDuration } from './durations.ts'
import { exitCodes, Failure, signalExitCodes, wrongUse } from './exit-codes.ts'
import {
  defaultTimeoutMs,
  jsonOption,
  parseDuration,
  serversOption,
  timeoutOption,
  wholeNumber,
} from './options.ts'
import { complain, print, printJson, shellCommand } from './output.ts'
import { killAfterMs, type LossPolicy, runCommand } from './run-command.ts'
import { holdSignals, onStopSignal, type StopSignal } from './signals.ts'

export function addLockCommand(program: Command): void {
  program
    .command('lock')
    .description('wait for the lock NAME, take it, and hold it until Ctrl-C or until COMMAND has ended')
    .usage('[options] <NAME> [-- COMMAND...]')
    .argument('<NAME>', 'the name of the lock')
    .argument('[COMMAND...]', 'a command to run under the lock, after --')
    .addOption(new Option('--wait <duration>', 'wait at most so long, such as 5s').argParser(parseDuration))
    .addOption(new Option('--try', 'do not wait: end at once when the lock is not free').conflicts('wait'))
    .addOption(
      new Option(
        '--ttl <duration>',
        'free the lock after so long without a sign of life of this program',
      ).argParser(parseDuration),
    )
    .addOption(new Option('--shared', 'share the lock with others that ask for it so').conflicts('permits'))
    .addOption(
      new Option(
        '--permits <n>',
        'so many may hold the lock at once; all must give the same number',
      ).argParser(wholeNumber(1, lockLimits.holders)),
    )
    .addOption(
      new Option(
        '--on-lost <how>',
        `end COMMAND when the lock is lost: term sends SIGTERM, and SIGKILL ${killAfterMs / 1000} s later; kill SIGKILL at once`,
      ).choices(['term', 'kill'] satisfies LossPolicy[]),
    )
    .addOption(new Option('--detach', 'print the token and leave the lock held until its --ttl has run'))
    .addOption(serversOption())
    .addOption(timeoutOption(null).hideHelp().conflicts('wait'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The ttl is ${formatDuration(sessionTtlMs.usual)} unless --ttl gives another, from ${formatDuration(sessionTtlMs.least)} to ${formatDuration(sessionTtlMs.most)}. The lock is lost when no server has confirmed it for nine tenths of the ttl, or when
somebody has it revoked: COMMAND is ended before the cluster grants the lock to another client.

With a COMMAND, the lock is freed when the command has ended. The command finds the fencing token in PAXOS_LOCK_TOKEN, and its exit code
is the exit code, or ${exitCodes.lost} when the lock was lost. Nothing is printed on stdout. While the command runs, it receives the SIGTERM, SIGHUP,
SIGINT, SIGQUIT, SIGUSR1 and SIGUSR2 that this program receives. In the foreground of a terminal, Ctrl-C and Ctrl-\\ reach the command
directly, so SIGINT and SIGQUIT are not forwarded there: to stop the command from elsewhere, send SIGTERM.`,
    )
    .action(ending(lock))
}

interface Flags {
  readonly servers: Patience['servers']
  readonly timeout?: number
  readonly wait?: number
  readonly try?: boolean
  readonly ttl?: number
  readonly shared?: boolean
  readonly permits?: number
  readonly onLost?: LossPolicy
  readonly detach?: boolean
  readonly json?: boolean
}

/** A request for the lock, and how long it may last. */
interface Wanted {
  readonly name: string
  readonly options: LockOptions
  readonly ttlMs: number
  readonly patience: Patience
}

async function lock(name: string, command: readonly string[], flags: Flags, self: Command): Promise<void> {
  checkUse(command, flags, self)
  const wanted = wantedBy(name, flags)
  if (flags.detach) await lockAndLeave(wanted, flags.json)
  else if (command.length > 0) await lockAndRun(wanted, command, flags.onLost ?? 'term')
  else await lockAndHold(wanted, flags.json)
}

function checkUse(command: readonly string[], { json, detach, ttl, onLost }: Flags, self: Command): void {
  const hasCommand = command.length > 0
  // Commander gives the words after `--` and not whether `--` was there.
  if (!hasCommand && process.argv.indexOf('--') === process.argv.length - 1) {
    self.error('error: no command follows --: give one, or leave out -- to hold the lock until Ctrl-C')
  }
  if (hasCommand && json) {
    throw wrongUse('--json has no meaning with a command, whose output this is: leave it out')
  }
  if (hasCommand && detach) {
    throw wrongUse('--detach leaves the lock held without a process: leave out the command, or --detach')
  }
  if (!hasCommand && onLost !== undefined) {
    throw wrongUse('--on-lost ends a command: give one after --, or leave --on-lost out')
  }
  if (detach && ttl === undefined) {
    throw wrongUse('--detach needs --ttl: nothing keeps the lock alive, so it is held for that time')
  }
}

function wantedBy(name: string, flags: Flags): Wanted {
  const { servers, wait, try: isTry = false, ttl, shared, permits } = flags
  const timeout = wait ?? flags.timeout ?? (isTry ? defaultTimeoutMs : undefined)
  return {
    name,
    options: {
      ...(isTry && { ifAvailable: true }),
      ...(shared && { mode: 'shared' }),
      ...(permits !== undefined && { permits }),
      ...(ttl !== undefined && { ttl }),
    },
    ttlMs: ttl ?? sessionTtlMs.usual,
    patience: { servers, waitsForClient: true, ...(timeout !== undefined && { timeout }) },
  }
}

/** Takes the lock in a session that nothing keeps alive, and prints its token. */
async function lockAndLeave({ name, options, ttlMs, patience }: Wanted, json?: boolean): Promise<void> {
  const token = await ask(patience, (client, signal) =>
    unlessBusy(client.locks.acquireDetached(name, { ...options, signal })),
  )
  printLocked(name, token, json && { ttlMs })
}

/** Holds the lock until a signal, or until it is lost. */
async function lockAndHold(wanted: Wanted, json?: boolean): Promise<void> {
  const isFreed = await holding(wanted, async (lock, stopped) => {
    printLocked(wanted.name, lock.token, json && {})
    if (process.stderr.isTTY) complain('held until Ctrl-C')
    await stopOrLoss(lock.signal, stopped)
    if (lock.signal.aborted) throw lossOf(lock)
    process.exitCode = exitCodes.done
  })
  if (isFreed && !json) print(`unlocked ${visible(wanted.name)}`)
}

/** Runs the command under the lock. */
async function lockAndRun(wanted: Wanted, command: readonly string[], onLost: LossPolicy): Promise<void> {
  await holding(wanted, async (lock, stopped) => {
    const signal = stopped()
    if (signal !== null) throw new Failure('interrupted', signalExitCodes[signal])
    const env = { PAXOS_LOCK_TOKEN: String(lock.token) }
    const lost = { signal: lock.signal, policy: onLost, notice: () => complain(lossOf(lock).message) }
    process.exitCode = await runCommand(command, env, lost)
    if (lock.signal.aborted) process.exitCode = exitCodes.lost
  })
}

/**
 * Takes the lock, calls `use`, and frees the lock however that ends. Signals do not end this program before that, unless the user
 * insists. `stopped` gives the first signal that asked to stop, `null` for none. Resolves to whether the lock was freed.
 */
async function holding(
  { name, options, ttlMs, patience }: Wanted,
  use: (lock: Lock, stopped: () => StopSignal | null) => Promise<void>,
): Promise<boolean> {
  const signals = holdSignals()
  const client = connect({ servers: patience.servers })
  try {
    const lock = await askWith(
      client,
      patience,
      (signal) => unlessBusy(client.locks.acquire(name, { ...options, signal })),
      (stop) => onStopSignal(stop, endWith(mayBeGranted(name, ttlMs))),
    )
    let isFreed = false
    try {
      await use(lock, signals.firstStop)
    } finally {
      isFreed = await free(client, lock, ttlMs, patience.servers)
    }
    return isFreed
  } finally {
    await client.close({ endSessions: true })
    signals.release()
  }
}

/** Throws the failure for a lock that is not free when the request must not wait. */
async function unlessBusy<T>(taking: Promise<T>): Promise<T> {
  try {
    return await taking
  } catch (error) {
    if (error instanceof LockBusy) throw new Failure(visible(error.message), exitCodes.gaveUp)
    throw error
  }
}

function printLocked(name: string, token: LockToken, json: object | false | undefined): void {
  if (json) printJson({ name, token, ...json })
  else print(`locked ${visible(name)} token ${token}`)
}

/** Resolves when a signal asks to stop, or when `lost` aborts. Keeps the process alive until then. */
function stopOrLoss(lost: AbortSignal, stopped: () => StopSignal | null): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => undefined, 2 ** 30)
    let removeHandlers = () => {}
    const end = () => {
      clearInterval(alive)
      removeHandlers()
      lost.removeEventListener('abort', end)
      resolve()
    }
    removeHandlers = onStopSignal(end)
    lost.addEventListener('abort', end)
    if (lost.aborted || stopped() !== null) end()
  })
}

/** Why the lock was lost. */
function lossOf({ signal }: Lock): Failure {
  const { reason } = signal
  return new Failure(visible(reason instanceof Error ? reason.message : String(reason)), exitCodes.lost)
}

/** Ends the process at once, and prints `message`. */
function endWith(message: string): (signal: StopSignal) => never {
  return (signal) => {
    complain(message)
    process.exit(signalExitCodes[signal])
  }
}

function mayBeGranted(name: string, ttlMs: number): string {
  return `ended before the cluster took the request back: it may still grant the lock ${visible(name)}, and frees it then after ${formatDuration(ttlMs)}`
}

/** Frees the lock. The exit code stays that of the command, so a lock that cannot be freed is reported on stderr only. */
async function free(
  client: Client,
  lock: Lock,
  ttlMs: number,
  servers: Patience['servers'],
): Promise<boolean> {
  const { name, token } = lock
  if (lock.signal.aborted) {
    // Its session ends by itself, but perhaps later than the next holder needs it.
    if (lock.signal.reason instanceof LockLost && lock.signal.reason.reason === 'revoked') {
      await askWith(client, { servers, timeout: lostTimeoutMs, isFirst: false }, (signal) =>
        client.locks.release(name, token, { signal }),
      ).catch(() => undefined)
    }
    return false
  }
  const held = `${visible(name)} token ${token}`
  const unlock = shellCommand(['paxos', 'unlock', name, '--token', String(token)])
  const mayBeHeld = `the lock ${held} may still be held for up to ${formatDuration(ttlMs)}, and ${unlock} frees it`
  // The command has ended, and a signal that was meant for it must not leave the lock behind.
  const insist = () => complain(`the lock ${held} is being freed; a further signal ends this at once`)
  try {
    const freed = await askWith(
      client,
      { servers, timeout: defaultTimeoutMs, isFirst: false },
      (signal) => lock.release({ signal }),
      () => onStopSignal(insist, endWith(mayBeHeld)),
    )
    if (!freed) complain(`the lock ${held} was no longer held when it was to be freed`)
    return freed
  } catch (error) {
    if (!(error instanceof Error)) throw error
    complain(`${mayBeHeld}: ${error.message}`)
    return false
  }
}

/** How long a lock that was lost may take to be freed, in milliseconds. */
const lostTimeoutMs = 2_000

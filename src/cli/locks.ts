import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Client } from '../client/index.ts'
import type { ShownHolder, ShownLock, ShownWaiter } from '../services/lock-commands.ts'
import { ask, ending, type Patience } from './ask.ts'
import { formatDuration } from './durations.ts'
import { defaultTimeoutMs, jsonOption, serversOption, staleOption, timeoutOption } from './options.ts'
import { formatTable, print, printJson } from './output.ts'

/** The interval in which `--watch` asks, in milliseconds. */
const watchEveryMs = 1_000

/** Clears the screen of a terminal and moves the cursor to its first line. */
const clearScreen = '\x1b[2J\x1b[H'

interface Options extends Patience {
  readonly json?: boolean
  readonly watch?: boolean
  readonly stale?: boolean
}

export function addLocksCommand(program: Command): void {
  program
    .command('locks')
    .description('list the locks that are held or waited for, with their holders and waiters in order')
    .argument('[PREFIX]', 'only locks whose names begin so')
    .option('--watch', 'list them again when they have changed, until Ctrl-C')
    .addOption(staleOption())
    .addOption(serversOption())
    .addOption(timeoutOption(null))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
SESSION is the client as paxos sessions lists it, or the address of a client in plain text. A lock is freed when its TTL has passed without
a sign of life of its holder. AGE and TTL are of the replicated clock, which stands still while nothing is executed.`,
    )
    .action(ending(locks))
}

async function locks(
  prefix: string | undefined,
  { json, watch, stale = false, servers, timeout }: Options,
): Promise<void> {
  const show = json ? (found: readonly ShownLock[]) => printJson({ locks: found }) : printLocks
  if (!watch) {
    const patience = { servers, timeout: timeout ?? defaultTimeoutMs }
    show(await ask(patience, (client, signal) => allLocks(client, prefix, { signal, stale })))
    return
  }
  const isScreen = !json && process.stdout.isTTY
  await ask(
    { servers, waitsForClient: true, ...(timeout !== undefined && { timeout }) },
    async (client, signal) => {
      for (let before: string | null = null; ; await delay(watchEveryMs, undefined, { signal })) {
        const found = await allLocks(client, prefix, { signal, stale })
        const now = JSON.stringify(found, (key, value) => (key === 'ageMs' ? undefined : value))
        if (isScreen) process.stdout.write(clearScreen)
        if (isScreen || now !== before) show(found)
        before = now
      }
    },
  )
}

async function allLocks(
  client: Client,
  prefix: string | undefined,
  how: { readonly signal: AbortSignal; readonly stale: boolean },
): Promise<readonly ShownLock[]> {
  const found: ShownLock[] = []
  for (;;) {
    const after = found.at(-1)?.name
    const page = await client.locks.query({
      ...how,
      ...(prefix !== undefined && { prefix }),
      ...(after !== undefined && { after }),
    })
    found.push(...page.locks)
    if (!page.more || page.locks.length === 0) return found
  }
}

function printLocks(found: readonly ShownLock[]): void {
  if (found.length === 0) print('no lock is held or waited for')
  else print(formatTable(['LOCK', 'STATE', 'SESSION', 'TOKEN', 'MODE', 'AGE', 'TTL'], found.flatMap(rowsOf)))
}

/** A row for each holder and each waiter that the cluster lists, and one for those that it leaves out. */
function rowsOf({ name, permits, held, waiting, holders, waiters }: ShownLock): string[][] {
  const [moreHeld, moreWaiting] = [held - holders.length, waiting - waiters.length]
  return [
    ...holders.map((holder) => [name, ...holderCells(holder, permits)]),
    ...(moreHeld > 0 ? [[name, `${moreHeld} more held`]] : []),
    ...waiters.map((waiter) => [name, ...waiterCells(waiter, permits)]),
    ...(moreWaiting > 0 ? [[name, `${moreWaiting} more waiting`]] : []),
  ]
}

function holderCells(
  { session, token, mode, ageMs, ttlMs, revoked }: ShownHolder,
  permits: number | null,
): string[] {
  const ttl = ttlMs === null ? 'none' : formatDuration(ttlMs)
  return [
    revoked ? 'revoked' : 'held',
    session,
    String(token),
    modeText(mode, permits),
    formatDuration(ageMs),
    ttl,
  ]
}

function waiterCells({ session, mode, ageMs }: ShownWaiter, permits: number | null): string[] {
  return ['waiting', session, '-', modeText(mode, permits), formatDuration(ageMs)]
}

function modeText(mode: string, permits: number | null): string {
  return permits === null ? mode : `one of ${permits}`
}

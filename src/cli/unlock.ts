import { type Command, Option } from 'commander'
import { visible } from '../core/visible.ts'
import type { ForceResult, LockToken, ShownHolder } from '../services/lock-commands.ts'
import { ask, ending, type Patience } from './ask.ts'
import { formatDuration } from './durations.ts'
import { exitCodes, wrongUse } from './exit-codes.ts'
import {
  defaultTimeoutMs,
  jsonOption,
  nowOption,
  parseToken,
  serversOption,
  timeoutOption,
} from './options.ts'
import { print, printJson } from './output.ts'

interface UnlockOptions extends Patience {
  readonly token?: LockToken
  readonly force?: boolean
  readonly now?: boolean
  readonly json?: boolean
}

export function addUnlockCommand(program: Command): void {
  program
    .command('unlock')
    .description('free the lock NAME: by its token, or by force')
    .argument('<NAME>', 'the name of the lock')
    .addOption(
      new Option(
        '--token <TOKEN>',
        'what paxos lock printed; anybody who knows it can free the lock',
      ).argParser(parseToken),
    )
    .addOption(
      new Option(
        '--force',
        'revoke the sessions of its holders, which lose all that they hold: each ends when its ttl has run',
      ).conflicts('token'),
    )
    .addOption(nowOption('with --force: free it at once'))
    .addOption(serversOption())
    .addOption(timeoutOption(defaultTimeoutMs))
    .addOption(jsonOption())
    .addHelpText('after', '\nWithout --token and --force it frees only a lock that was taken in plain text.')
    .action(ending(unlock))
}

async function unlock(name: string, options: UnlockOptions): Promise<void> {
  const { token, force = false, now = false, json, ...patience } = options
  if (now && !force) throw wrongUse('--now goes with --force: add it, or leave --now out')
  if (force) {
    const forced = await ask(patience, (client, signal) => client.locks.force(name, { now, signal }))
    if (forced.holders.length === 0) process.exitCode = exitCodes.notHeld
    if (json) printJson({ name, ...forced })
    else print(forcedText(visible(name), forced, now))
    return
  }
  const freed = await ask(patience, (client, signal) => client.locks.release(name, token, { signal }))
  if (!freed) process.exitCode = exitCodes.notHeld
  const shown = visible(name)
  if (json) printJson({ name, freed })
  else if (freed) print(`unlocked ${shown}`)
  else if (token === undefined) print(`${shown} was not locked in plain text`)
  else print(`${shown} is not held under token ${token}`)
}

function forcedText(name: string, { holders, more, freed }: ForceResult, now: boolean): string {
  if (holders.length === 0) return `${name} is not held`
  const others = more === 0 ? '' : `, and ${more} more`
  const who = `${holders.map(holderText).join(', ')}${others}`
  if (!freed) {
    const ttlMs = Math.max(...holders.map((holder) => holder.ttlMs ?? 0))
    return `revoked the holders of ${name}: ${who}. It is free within ${formatDuration(ttlMs)}, when their ttl has run`
  }
  const risk = now
    ? '. Its holder may still believe that it holds the lock: only the token tells them apart'
    : ''
  return `freed ${name}, which was held by ${who}${risk}`
}

function holderText({ session, token }: ShownHolder): string {
  return `session ${session} (token ${token})`
}

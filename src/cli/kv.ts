import { type Command, Option } from 'commander'
import type { Json } from '../../machines/batch.ts'
import { type Client, type Kv, WrongService } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import type { KvChange, KvEntry } from '../services/kv/commands.ts'
import { ask, ending, type Patience } from './ask.ts'
import { exitCodes, Failure, wrongUse } from './exit-codes.ts'
import {
  defaultTimeoutMs,
  jsonOption,
  parseDuration,
  serversOption,
  staleOption,
  timeoutOption,
  wholeNumber,
} from './options.ts'
import { complain, print, printJson } from './output.ts'

interface Options extends Patience {
  readonly json?: boolean
}

interface ReadOptions extends Options {
  readonly stale?: boolean
}

const valueText = 'JSON; any other text is taken as a string'
const version = wholeNumber(0, Number.MAX_SAFE_INTEGER)

export function addKvCommand(program: Command): void {
  const kv = program
    .command('kv')
    .description('read, change and watch the key-value store')
    .addHelpText(
      'after',
      `
The servers must run the store: paxos cluster --service kv+lock.
The exit code is ${exitCodes.failed} when the key has no value, or cas expects another version.`,
    )
  const add = (usage: string, description: string, timeoutMs: number | null = defaultTimeoutMs) =>
    kv
      .command(usage)
      .description(description)
      .addOption(serversOption())
      .addOption(timeoutOption(timeoutMs))
      .addOption(jsonOption())
  const ttl = () =>
    new Option('--ttl <duration>', 'delete the key after this time, such as 30s').argParser(parseDuration)

  add('get <KEY>', 'print the value of KEY').addOption(staleOption()).action(ending(getKey))
  add('put <KEY> <VALUE>', `set the value of KEY: ${valueText}`).addOption(ttl()).action(ending(putKey))
  add('delete <KEY>', 'delete KEY')
    .addOption(new Option('--if-version <n>', 'only if it has this version').argParser(version))
    .action(ending(deleteKey))
  add('list [PREFIX]', 'print the keys that begin with PREFIX, each with its version and value')
    .addOption(
      new Option('--limit <n>', 'at most so many').argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    )
    .addOption(new Option('--after <KEY>', 'only the keys after this one'))
    .addOption(staleOption())
    .action(ending(listKeys))
  add('cas', 'set the value of KEY if it has VERSION')
    .argument('<KEY>')
    .argument('<VERSION>', 'the expected version, 0 for no value', version)
    .argument('<VALUE>', valueText)
    .addOption(ttl())
    .action(ending(compareAndSet))
  add('take <KEY>', 'print the value of KEY and delete it; wait while there is none', null).action(
    ending(takeKey),
  )
  add('watch [KEY]', 'print each change of KEY, or of the keys with --prefix, until Ctrl-C', null)
    .addOption(new Option('--prefix <PREFIX>', 'watch all keys that begin with it'))
    .addOption(
      new Option('--after <version>', 'begin with the changes after this version').argParser(version),
    )
    .addOption(new Option('--once', 'end after the first changes'))
    .action(ending(watchKeys))
}

async function getKey(key: string, { json, stale = false, ...patience }: ReadOptions): Promise<void> {
  const entry = await asked(patience, (kv, signal) => kv.get(key, { signal, stale }))
  if (entry === null) missing(key)
  else printEntry(entry, json)
}

async function putKey(
  key: string,
  value: string,
  { json, ttl, ...patience }: Options & { readonly ttl?: number },
): Promise<void> {
  const version = await asked(patience, (kv, signal) =>
    kv.put(key, readValue(value), { signal, ...lifeOf(ttl) }),
  )
  if (json) printJson({ key, version })
  else print(`put ${visible(key)} version ${version}`)
}

async function deleteKey(
  key: string,
  { json, ifVersion, ...patience }: Options & { readonly ifVersion?: number },
): Promise<void> {
  const expected = ifVersion === undefined ? {} : { version: ifVersion }
  const deleted = await asked(patience, (kv, signal) => kv.delete(key, { signal, ...expected }))
  if (!deleted) process.exitCode = exitCodes.failed
  if (json) printJson({ key, deleted })
  else if (deleted) print(`deleted ${visible(key)}`)
  else if (ifVersion === undefined) missing(key)
  else complain(`${visible(key)} does not have version ${ifVersion}`)
}

async function listKeys(
  prefix: string | undefined,
  {
    json,
    limit = Number.POSITIVE_INFINITY,
    after,
    stale = false,
    ...patience
  }: ReadOptions & {
    readonly limit?: number
    readonly after?: string
  },
): Promise<void> {
  const entries = await asked(patience, async (kv, signal) => {
    const found: KvEntry[] = []
    for (let from: string | null | undefined = after; from !== null && found.length < limit; ) {
      const range = from === undefined ? {} : { after: from }
      const page = await kv.list(prefix, {
        signal,
        stale,
        limit: Math.min(1_000, limit - found.length),
        ...range,
      })
      found.push(...page.entries)
      from = page.next
    }
    return found
  })
  if (json) printJson({ entries })
  else for (const { key, version, value } of entries) print(`${visible(key)} ${version} ${shown(value)}`)
}

async function compareAndSet(
  key: string,
  expected: number,
  value: string,
  { json, ttl, ...patience }: Options & { readonly ttl?: number },
): Promise<void> {
  const result = await asked(patience, (kv, signal) =>
    kv.compareAndSet(key, expected, readValue(value), { signal, ...lifeOf(ttl) }),
  )
  if (!result.set) process.exitCode = exitCodes.failed
  if (json) printJson({ key, ...result })
  else if (result.set) print(`put ${visible(key)} version ${result.version}`)
  else {
    const found = result.entry === null ? 'has no value' : `has version ${result.entry.version}`
    complain(`${visible(key)} ${found}, not version ${expected}`)
  }
}

async function takeKey(key: string, { json, ...patience }: Options): Promise<void> {
  const waiting = { ...patience, waitsForClient: true }
  printEntry(await asked(waiting, (kv, signal) => kv.take(key, { signal })), json)
}

async function watchKeys(
  key: string | undefined,
  {
    json,
    prefix,
    after,
    once,
    ...patience
  }: Options & {
    readonly prefix?: string
    readonly after?: number
    readonly once?: boolean
  },
): Promise<void> {
  if ((key === undefined) === (prefix === undefined)) {
    throw wrongUse('give a KEY to watch, or --prefix PREFIX for all keys that begin with it')
  }
  const target = key === undefined ? { prefix: prefix ?? '' } : { key }
  await asked({ ...patience, waitsForClient: true }, async (kv, signal) => {
    for (let from = after; ; ) {
      const { changes, version, missed } = await kv.watch({
        ...target,
        signal,
        ...(from !== undefined && { after: from }),
      })
      if (missed)
        complain(`changes up to version ${version} are not known any more: paxos kv list shows the keys`)
      for (const change of changes) printChange(change, json)
      if (once) return
      from = version
    }
  })
}

/** Asks the store. A cluster without it is named, with the way to start one that has it. */
function asked<T>(patience: Patience, question: (kv: Kv, signal: AbortSignal) => Promise<T>): Promise<T> {
  return ask(patience, async (client: Client, signal) => {
    try {
      return await question(client.kv, signal)
    } catch (error) {
      if (!(error instanceof WrongService)) throw error
      throw new Failure(
        `the cluster runs the service ${visible(error.running)}, not kv: start its servers with --service kv+lock`,
      )
    }
  })
}

function missing(key: string): void {
  complain(`${visible(key)} has no value`)
  process.exitCode = exitCodes.failed
}

function printEntry(entry: KvEntry, json: boolean | undefined): void {
  if (json) printJson(entry)
  else print(shown(entry.value))
}

function printChange(change: KvChange, json: boolean | undefined): void {
  if (json) printJson(change)
  else {
    const value = 'deleted' in change ? 'deleted' : shown(change.value)
    print(`${visible(change.key)} ${change.version} ${value}`)
  }
}

/** A text as it is, but for control characters; any other value as JSON. */
function shown(value: Json): string {
  return visible(typeof value === 'string' ? value : JSON.stringify(value))
}

function readValue(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function lifeOf(ttl: number | undefined): { readonly ttlMs?: number } {
  return ttl === undefined ? {} : { ttlMs: ttl }
}

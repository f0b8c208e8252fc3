import type { Address, NodeId } from '../../machines/batch.ts'
import { defaultLimits } from '../../machines/limits.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { isWellFormed } from '../core/json.ts'
import { messageOf } from '../core/message-of.ts'
import { shownValue } from '../core/shown-value.ts'
import { StartError } from '../core/start-error.ts'
import { maxNameLength } from '../messages/limits.ts'
import { isWildcard, listenAddress, reachableAddress } from '../network/address.ts'
import { neededMethods, optionalMethods } from '../services/define-service.ts'
import type { Bootstrap } from './identity.ts'
import type { NodeOptions } from './node.ts'
import { type OptionName, type OptionWords, programWords } from './option-words.ts'
import type { ServerAddress } from './server-address.ts'

export const maxNodeId = 999_999

/** The requirement for an option: its text, and the check. */
type Rule = readonly [what: string, isMet: (value: unknown) => boolean]

const number: Rule = [
  `a whole number from 0 to ${maxNodeId}`,
  (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= maxNodeId,
]
const address: Rule = ['HOST:PORT', (value) => typeof value === 'string']
const flag: Rule = ['true or false', (value) => typeof value === 'boolean']
const text: Rule = ['a non-empty string', isText]
const numbersLike = (known: object): Rule => [
  `an object with the numbers ${Object.keys(known).join(', ')}, of which none is below 0`,
  (value) =>
    isObject(value) &&
    Object.keys(known).every((name) => Number(value[name]) >= 0 && typeof value[name] === 'number') &&
    Object.keys(value).every((name) => Object.hasOwn(known, name)),
]

/** The rule of every option. An option that is `undefined` was left out. */
const rules: Readonly<Record<keyof NodeOptions, Rule>> = {
  id: number,
  listen: address,
  advertise: address,
  dataDir: ['the path of a directory, or null to store nothing', (value) => value === null || isText(value)],
  moved: flag,
  bootstrap: [
    'an object with members, and with a cluster if it is to have a name',
    (value) =>
      isObject(value) && Object.keys(value).every((name) => name === 'members' || name === 'cluster'),
  ],
  signal: ['an AbortSignal', (value) => isObject(value) && has(value, 'addEventListener', 'throwIfAborted')],
  join: address,
  addresses: [
    'a list of { id, address }, one for each server that moved',
    (value) => Array.isArray(value) && value.every(isServerAddress),
  ],
  service: [
    `an object with a name and the functions ${neededMethods.join(', ')}, and if it has them ${optionalMethods.join(', ')} and the whole numbers version and oldestVersion`,
    (value) =>
      isObject(value) &&
      isName(value.name) &&
      isVersion(value.version) &&
      isVersion(value.oldestVersion) &&
      has(value, ...neededMethods) &&
      optionalMethods.every((name) => value[name] === undefined || has(value, name)),
  ],
  logger: [
    'a logger, such as a pino logger',
    (value) => isObject(value) && has(value, 'child', 'info', 'warn', 'error', 'fatal'),
  ],
  executedLog: flag,
  journal: ['the path of a file', isText],
  inspect: address,
  stately: text,
  timing: numbersLike(defaultTiming),
  limits: numbersLike(defaultLimits),
  snapshotEvery: ['a whole number from 1 on', (value) => Number.isSafeInteger(value) && Number(value) >= 1],
  diskLowWaterBytes: [
    'a whole number of bytes from 0 on',
    (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  ],
  allowFaults: flag,
  resolver: ['a Resolver', (value) => isObject(value) && has(value, 'addressesOf', 'resolve')],
  onFate: ['a function', (value) => typeof value === 'function'],
}

const required: readonly string[] = ['id', 'listen', 'dataDir'] satisfies (keyof NodeOptions)[]

/**
 * Returns `options` with every address in canonical form. Throws a `StartError` when an option is unknown or invalid. The message
 * contains the name of the option from `words`, the value received and the requirement.
 */
export function canonicalOptions(given: NodeOptions, words: OptionWords = programWords): NodeOptions {
  if (!isObject(given)) throw new StartError(`the options must be an object; received ${shownValue(given)}`)
  checkNames(given)
  for (const [name, [what, isMet]] of Object.entries(rules)) {
    const value = given[name]
    const isThere = value !== undefined || required.includes(name)
    if (isThere && !isMet(value)) refuse(name as OptionName, what, value, words)
  }
  const { listen, advertise, join, addresses, inspect, bootstrap } = given
  const canonical = canonicalIn(words)
  const { names, article } = words
  if (advertise === undefined && isWildcard(canonical('listen', listen, listenAddress))) {
    throw new StartError(
      `${article}${names.listen} is ${listen}, which others cannot reach: give ${article}${names.advertise}, the address where others reach the server`,
    )
  }
  return {
    ...given,
    listen: canonical('listen', listen, listenAddress),
    ...(advertise !== undefined && { advertise: canonical('advertise', advertise, reachableAddress) }),
    ...(join !== undefined && { join: canonical('join', join, reachableAddress) }),
    ...(addresses !== undefined && { addresses: canonicalServers('addresses', addresses, words) }),
    ...(inspect !== undefined && { inspect: canonical('inspect', inspect, reachableAddress) }),
    ...(bootstrap !== undefined && { bootstrap: canonicalBootstrap(bootstrap, words) }),
  }
}

/** The first id or address that two members share, as text: `the id 0 appears twice`; `null` for none. */
export function repeatedIn(
  members: readonly { readonly id: NodeId; readonly address: Address }[],
): string | null {
  for (const [place, { id, address }] of members.entries()) {
    const before = members.slice(0, place)
    if (before.some((other) => other.id === id)) return `the id ${id} appears twice`
    if (before.some((other) => other.address === address)) return `the address ${address} appears twice`
  }
  return null
}

function checkNames(given: object): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(rules, name))
  if (unknown === undefined) return
  throw new StartError(`there is no option ${unknown}; there are ${Object.keys(rules).join(', ')}`)
}

function refuse(name: OptionName, what: string, value: unknown, { article, names }: OptionWords): never {
  throw new StartError(`${article}${names[name]} must be ${what}; received ${shownValue(value)}`)
}

function canonicalBootstrap({ members, cluster }: Bootstrap, words: OptionWords): Bootstrap {
  const list = 'bootstrap.members'
  const what = 'a list of { id, address }, one for each server that founds the cluster'
  if (!Array.isArray(members) || members.length === 0) refuse(list, what, members, words)
  for (const member of members) {
    if (!isServerAddress(member)) refuse(list, `${what}, where an id is ${number[0]}`, member, words)
  }
  if (cluster !== undefined && !isName(cluster)) {
    refuse('bootstrap.cluster', `a name of 1 to ${maxNameLength} characters`, cluster, words)
  }
  const canonical = canonicalServers(list, members, words)
  return { members: canonical, ...(cluster !== undefined && { cluster }) }
}

function canonicalServers(
  option: OptionName,
  servers: readonly ServerAddress[],
  words: OptionWords,
): readonly ServerAddress[] {
  const canonical = servers.map((server) => ({
    id: server.id,
    address: canonicalIn(words)(option, server.address, reachableAddress),
  }))
  const repeated = repeatedIn(canonical)
  if (repeated !== null) throw new StartError(`${words.article}${words.names[option]}: ${repeated}`)
  return canonical
}

function isServerAddress(value: unknown): boolean {
  return isObject(value) && number[1](value.id) && address[1](value.address)
}

function canonicalIn({ article, names }: OptionWords) {
  return (option: OptionName, given: Address, canonical: (text: string) => Address): Address => {
    try {
      return canonical(given)
    } catch (error) {
      throw new StartError(`${article}${names[option]}: ${messageOf(error)}`)
    }
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxNameLength && isWellFormed(value)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function has(value: Readonly<Record<string, unknown>>, ...functions: readonly string[]): boolean {
  return functions.every((name) => typeof value[name] === 'function')
}

function isVersion(value: unknown): boolean {
  return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 1)
}

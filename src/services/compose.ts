/** Several services as one, so that one cluster runs them all. */
import type { Json } from '../../machines/batch.ts'
import { serviceLimits } from '../../machines/limits.ts'
import { silencePromises } from '../core/promises.ts'
import { nameJoint } from '../core/service-names.ts'
import { shownValue } from '../core/shown-value.ts'
import { maxNameLength } from '../messages/limits.ts'
import { type Answer, answerIn, type Change, changeIn, stateGiven, uncheckedRowsOf } from './answer.ts'
import { type CommandOf, isServiceName, type ResultOf, serviceNameRule } from './define-service.ts'
import { fieldsOf, shown } from './fields.ts'
import { withFaults } from './part-faults.ts'
import { ServiceFault } from './reason.ts'
import type { Changed, Delayed, Executed, RequestName, Service, ServiceTable, Time } from './service.ts'
import { drop, each, emptyMap, get, mapOf, put, type SortedMap, sizeOf } from './sorted-map.ts'
import { versionsOf } from './versions.ts'

/** The services to compose, by the names under which commands address them. */
export type Parts = { readonly [name: string]: Service }

/** The state of a composed service. */
export interface ComposedState {
  /** The state of each service, by its name. */
  readonly parts: { readonly [name: string]: unknown }
  /** The service for which each delayed request waits. */
  readonly waiting: SortedMap<string>
}

/** A command for one of the services. */
export type ComposedCommand<P extends Parts> = {
  readonly [Name in keyof P & string]: { readonly service: Name; readonly command: CommandOf<P[Name]> }
}[keyof P & string]

export type ComposedService<P extends Parts> = Service<
  ComposedState,
  ComposedCommand<P>,
  { readonly [Name in keyof P]: ResultOf<P[Name]> }[keyof P]
>

type Command = { readonly service: string; readonly command: unknown }
type State = ComposedState

/** What a request that waits takes in the state of the whole, in bytes. */
const waitingBytes = 256

/** Between the name of a service and its key or its timer. */
const prefixJoint = ':'

/**
 * Makes one service of `parts`, such as `compose({ lock: lockService, queue: queueService })`. Its name joins theirs in alphabetical
 * order, `lock+queue`, so servers that list the same services run the same one.
 * A command is `{ service: 'queue', command }`, and its result is that of the service. The services share the cluster, its order
 * and its sessions, and nothing else: each has its state, its keys, its timers and its part of the snapshot. A fault of one fails
 * only the request that met it. Throws a TypeError when a name is invalid.
 */
export function compose<P extends Parts>(parts: P): ComposedService<P> {
  return new Composition(checkedParts(parts)).service as unknown as ComposedService<P>
}

function checkedParts(parts: Parts): ReadonlyMap<string, Service> {
  if (typeof parts !== 'object' || parts === null) {
    throw new TypeError(`compose received ${shownValue(parts)}: it must be an object with services by name`)
  }
  const named = Object.entries(parts)
  if (named.length === 0) throw new TypeError('compose received no service: give at least one')
  for (const [name, service] of named) {
    if (!isServiceName(name)) {
      throw new TypeError(
        `the name of a composed service is ${shownValue(name)}: it must be ${serviceNameRule}`,
      )
    }
    if (typeof service?.execute !== 'function') {
      throw new TypeError(
        `${name} is ${shownValue(service)}: it must be a service, as defineService returns it`,
      )
    }
  }
  const inOrder = named.sort(([one], [other]) => (one < other ? -1 : 1))
  const whole = inOrder.map(([name]) => name).join(nameJoint)
  if (whole.length > maxNameLength) {
    throw new TypeError(
      `the name ${whole} has ${whole.length} characters: at most ${maxNameLength} are allowed`,
    )
  }
  return new Map(inOrder)
}

class Composition {
  readonly service: Service<State, Command>
  readonly #parts: ReadonlyMap<string, Service>

  constructor(parts: ReadonlyMap<string, Service>) {
    this.#parts = parts
    const hasAny = (method: keyof Service) => [...parts.values()].some((part) => part[method] !== undefined)
    const versions = [...parts.values()].map(versionsOf)
    const hasAll = (method: keyof Service) => [...parts.values()].every((part) => part[method] !== undefined)
    this.service = {
      name: [...parts.keys()].join(nameJoint),
      version: Math.max(...versions.map(({ newest }) => newest)),
      oldestVersion: Math.max(...versions.map(({ oldest }) => oldest)),
      initial: () => this.#initial(),
      parse: (body) => this.#parse(body),
      execute: (state, command, at) => {
        const before = state.parts[command.service]
        return this.#answer(
          state,
          command.service,
          at,
          answerIn(this.#part(command.service).execute(before, command.command, at), before),
        )
      },
      ...(hasAny('read') && {
        read: (state: State, command: Command, at: Time) => this.#read(state, command, at),
      }),
      ...(hasAny('timerFired') && {
        timerFired: (state: State, name: string, at: Time) => this.#timerFired(state, name, at),
      }),
      ...(hasAny('upgraded') && {
        upgraded: (state: State, from: number, at: Time) => this.#upgraded(state, from, at),
      }),
      requestEnded: (state, request, at) => this.#requestEnded(state, request, at),
      ...(hasAny('sessionEnded') && {
        sessionEnded: (state: State, uid: string, at: Time) => this.#sessionEnded(state, uid, at),
      }),
      ...(hasAny('sessionEnded') && { holds: (state: State, uid: string) => this.#holds(state, uid) }),
      stillHolds: (state, { service, command }, result) => {
        const part = this.#part(service)
        return part.stillHolds === undefined || part.stillHolds(state.parts[service], command, result)
      },
      ...(hasAll('sizeBytes') && { sizeBytes: (state: State) => this.#sizeBytes(state) }),
      snapshot: (state) => this.#snapshot(state),
      restore: (rows) => this.#restore(rows),
      ...(hasAny('afterLoss') && { afterLoss: (state: State) => this.#afterLoss(state) }),
      ...(hasAny('view') && { view: (state: State) => this.#view(state) }),
    }
  }

  #part(name: string): Service {
    const part = this.#parts.get(name)
    if (part !== undefined) return part
    throw new Error(`there is no service ${shown(name)}; there are ${[...this.#parts.keys()].join(', ')}`)
  }

  #initial(): State {
    const states = [...this.#parts].map(
      ([name, part]) => [name, stateGiven(part.initial(), 'initial')] as const,
    )
    return { parts: Object.fromEntries(states), waiting: emptyMap }
  }

  #parse(body: Json): Command {
    const { service, command } = fieldsOf(body, 'a command of composed services')
    if (typeof service !== 'string') {
      throw new Error(
        `service is ${shown(service)}: it must be the name of a service, ${[...this.#parts.keys()].join(' or ')}`,
      )
    }
    const part = this.#part(service)
    if (command === undefined) throw new Error('command is missing: it must be a command of the service')
    return { service, command: part.parse(command) }
  }

  #read(state: State, { service, command }: Command, at: Time): Json {
    const part = this.#part(service)
    if (part.read === undefined) throw new Error(`the service ${service} has no reads: send a request`)
    return part.read(state.parts[service], command, at)
  }

  #answer(
    state: State,
    part: string,
    request: RequestName,
    answer: Answer,
  ): Executed<State, Json> | Delayed<State> {
    const changed = this.#changed(state, part, answer)
    const name = requestKey(request)
    if (answer.kind === 'executed') {
      const waiting = drop(state.waiting, name)
      return { ...changed, state: { ...changed.state, waiting }, kind: 'executed', result: answer.result }
    }
    const { freed: _, ...kept } = changed
    const waiting = get(state.waiting, name) === part ? state.waiting : put(state.waiting, name, part)
    return {
      ...kept,
      state: { ...changed.state, waiting },
      kind: 'delayed',
      ...(answer.key !== null && { key: prefixed(part, answer.key) }),
    }
  }

  /** The change of the whole when the service `part` made `change`. */
  #changed(state: State, part: string, change: Change): Required<Changed<State>> {
    const { freed, timers, revoked } = change
    if (timers.length > 0 && this.#part(part).timerFired === undefined) {
      throw new ServiceFault(`the service ${part} sets a timer and has no method timerFired: add it`)
    }
    return {
      state: { ...state, parts: { ...state.parts, [part]: change.state } },
      freed: freed.map((key) => prefixed(part, key)),
      timers: timers.map(({ name, afterMs }) => ({ name: prefixed(part, name), afterMs })),
      revoked,
    }
  }

  #timerFired(state: State, timer: string, at: Time): Changed<State> {
    const end = timer.indexOf(prefixJoint)
    const part = timer.slice(0, end)
    const before = state.parts[part]
    const returned = this.#part(part).timerFired?.(before, timer.slice(end + 1), at)
    return this.#changed(state, part, changeIn(returned, before, 'timerFired'))
  }

  /** All of them, or none: a part that fails fails the whole. */
  #upgraded(state: State, from: number, at: Time): Changed<State> {
    let whole: Required<Changed<State>> = { state, freed: [], timers: [], revoked: [] }
    for (const [name, part] of this.#parts) {
      if (part.upgraded === undefined) continue
      const before = state.parts[name]
      const change = changeIn(part.upgraded(before, from, at), before, 'upgraded')
      whole = joined(whole, this.#changed(whole.state, name, change))
    }
    return whole
  }

  /** Tells only the service whose request it was: another might count a request that it never saw. */
  #requestEnded(state: State, request: RequestName, at: Time): Changed<State> {
    const name = requestKey(request)
    const part = get(state.waiting, name)
    if (part === undefined) return { state }
    const without = { ...state, waiting: drop(state.waiting, name) }
    return this.#changeEach(without, [part], 'requestEnded', (service, before) =>
      service.requestEnded?.(before, request, at),
    )
  }

  #sessionEnded(state: State, uid: string, at: Time): Changed<State> {
    return this.#changeEach(state, this.#parts.keys(), 'sessionEnded', (service, before) =>
      service.sessionEnded?.(before, uid, at),
    )
  }

  /** Has each of `parts` that has the method `by` change its state. When one fails, its state stays, and the others go on. */
  #changeEach(
    state: State,
    parts: Iterable<string>,
    by: 'requestEnded' | 'sessionEnded',
    run: (part: Service, before: unknown) => unknown,
  ): Changed<State> {
    let whole: Required<Changed<State>> = { state, freed: [], timers: [], revoked: [] }
    const faults: unknown[] = []
    for (const name of parts) {
      const part = this.#part(name)
      if (part[by] === undefined) continue
      const before = state.parts[name]
      try {
        whole = joined(whole, this.#changed(whole.state, name, changeIn(run(part, before), before, by)))
      } catch (error) {
        faults.push(error)
      }
    }
    return withFaults(whole, faults)
  }

  #holds(state: State, uid: string): boolean {
    return [...this.#parts].some(([name, part]) => {
      if (part.sessionEnded === undefined) return false
      if (part.holds === undefined) return true
      const holds: unknown = part.holds(state.parts[name], uid)
      silencePromises(holds)
      return holds === true
    })
  }

  /** The sizes of all, and what the requests that wait take here. */
  #sizeBytes({ parts, waiting }: State): number {
    let bytes = sizeOf(waiting) * waitingBytes
    for (const [name, part] of this.#parts) bytes += part.sizeBytes?.(parts[name]) ?? 0
    return bytes
  }

  /** First the names of all, then the rows of each with its name, then the requests that wait. */
  *#snapshot({ parts, waiting }: State): Generator<Json, void> {
    yield [...this.#parts.keys()]
    for (const [name, part] of this.#parts) {
      for (const row of uncheckedRowsOf(part, parts[name])) yield [name, row as Json]
    }
    for (const [request, name] of each(waiting)) yield [null, request, name]
  }

  #restore(rows: Iterable<Json>): State {
    const [stored, ...others] = rows as Iterable<unknown> as [readonly string[], ...Row[]]
    const names = [...this.#parts.keys()].join(nameJoint)
    if (stored?.join(nameJoint) !== names) {
      throw new Error(
        `a snapshot of the services ${stored?.join(nameJoint)}: start the server with these, not with ${names}`,
      )
    }
    const byPart = new Map([...this.#parts.keys()].map((name): [string, Json[]] => [name, []]))
    const waiting: (readonly [string, string])[] = []
    for (const row of others) {
      if (row[0] === null) waiting.push([row[1], row[2]])
      else byPart.get(row[0])?.push(row[1])
    }
    const states = [...byPart].map(
      ([name, own]) => [name, stateGiven(this.#part(name).restore(own), 'restore')] as const,
    )
    return { parts: Object.fromEntries(states), waiting: mapOf(waiting) }
  }

  #afterLoss({ parts, waiting }: State): State {
    const states = [...this.#parts].map(([name, part]): [string, unknown] => [
      name,
      part.afterLoss === undefined ? parts[name] : stateGiven(part.afterLoss(parts[name]), 'afterLoss'),
    ])
    return { parts: Object.fromEntries(states), waiting }
  }

  #view(state: State): { readonly tables: readonly ServiceTable[] } {
    const tables = [...this.#parts].flatMap(([name, part]) => {
      const view = part.view?.(state.parts[name]).tables ?? []
      return view.map((table) => shownTable(name, table))
    })
    return { tables }
  }
}

/** A row of a part, or a request that waits for the part. */
type Row = readonly [part: string, row: Json] | readonly [isWaiting: null, request: string, part: string]

/** Both changes as one. Throws a `ServiceFault` when together they exceed a limit of one change. */
function joined<S>(one: Required<Changed<S>>, other: Required<Changed<S>>): Required<Changed<S>> {
  const freed = [...one.freed, ...other.freed]
  const timers = [...one.timers, ...other.timers]
  const revoked = [...one.revoked, ...other.revoked]
  const { freedKeys, timerChanges, revokedSessions } = serviceLimits
  if (freed.length > freedKeys || timers.length > timerChanges || revoked.length > revokedSessions) {
    throw new ServiceFault('the composed services together free, set or revoke more than one change may')
  }
  return { state: other.state, freed, timers, revoked }
}

/** The table of the service `part`, with the keys as requests wait for them. */
function shownTable(part: string, table: ServiceTable): ServiceTable {
  const { keyColumn } = table
  const rows = table.rows.map((row) =>
    row.map((cell, column) => (column === keyColumn ? prefixed(part, String(cell)) : cell)),
  )
  return { ...table, name: `${part}: ${table.name}`, rows }
}

function prefixed(part: string, key: string): string {
  return `${part}${prefixJoint}${key}`
}

function requestKey({ uid, seq }: RequestName): string {
  return `${uid} ${seq}`
}

/** What servers, clients and requests are called in a schedule: server 0, client `a`, its request 1 is `a#1`. */
import type { Address, NodeId } from '../../machines/batch.ts'

/** A server by its number, or a client by its name. */
export type Party = NodeId | string

/** Where a server of a schedule is. */
export function serverAddress(id: NodeId): Address {
  return `server-${id}`
}

/** The session of a client: opened at instance 0, so that it is never refused as too old. */
export function uidOf(client: string): string {
  return `${client}@0`
}

/** The client whose session it is. */
export function clientName(uid: string): string {
  return uid.replace(/@\d+$/, '')
}

/** `a#1`. */
export function requestName({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${clientName(uid)}#${seq}`
}

/** The name that a transcript gives to a delay: `askInterval` for `xstate.after.askInterval.client.asking.asked`. */
export function delayName(timerId: string): string {
  return timerId.split('.')[2] ?? timerId
}

/** A state of a chart by its name, such as `accepting.helping`. */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value
  const [[parent, child] = ['', '']] = Object.entries(value as Record<string, unknown>)
  return `${parent}.${stateName(child)}`
}

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

/** What servers, clients and requests are called in a schedule: server 0, client `a`, its request 1 is `a#1`. */
import type { Address, NodeId } from '../../machines/batch.ts'

/** A server by its number, or a client by its name. */
export type Party = NodeId | string

/** Where a server of a schedule, or of a simulated run, is: an address that a real one could have. */
export function serverAddress(id: NodeId): Address {
  return `server-${id}:29367`
}

/** The session of a client: opened at instance 0, so that it is never refused as too old. */
export function uidOf(client: string): string {
  return `${client}@0`
}

/** The client whose session it is. */
export function clientName(uid: string): string {
  return uid.replace(/@\d+$/, '')
}

/** Letters of the name that a client of a real cluster draws for itself: no client of a schedule is called so. */
export const drawnNameLetters = 16

/** Letters of the name that a client's program may give it, at most. */
export const longestGivenName = 16

const givenName = new RegExp(`^([a-z]{1,${longestGivenName}})-[\\w-]{${drawnNameLetters}}$`)

/** The name of a client that is called `given`; what is drawn tells it from others that are. */
export function namedAs(given: string, drawn: string): string {
  return `${given}-${drawn}`
}

/**
 * What a client is called. Of a drawn name the first letters are shown, which nearly always tell it from the others; of one
 * that its program gave it, what it gave; another name is shown whole.
 */
export function shownName(name: string): string {
  const given = givenName.exec(name)?.[1]
  if (given !== undefined) return given
  return name.length === drawnNameLetters && /^[\w-]+$/.test(name) ? name.slice(0, 6) : name
}

/** A value that may be a session: a drawn one as its client's name is shown, anything else as it is. */
export function shownSession(text: string): string {
  const name = clientName(text)
  return name !== text && shownName(name) !== name ? shownName(name) : text
}

/** `a#1`: what a request is called wherever it is shown. */
export function requestName({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${shownName(clientName(uid))}#${seq}`
}

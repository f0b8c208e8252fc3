/** The names of servers, clients and requests in a schedule: server 0, client `a`, and its request `a#1`. */
import type { Address, Instance, NodeId } from '../../machines/batch.ts'
import type { Position } from '../../machines/outcome.ts'
import { isPlainText } from './plain-text-client.ts'

/** A server by its number, or a client by its name. */
export type Party = NodeId | string

/** The address of a server in a schedule or a simulated run. It has the form of a real address. */
export function serverAddress(id: NodeId): Address {
  return `server-${id}:29367`
}

/** The server with this address in a simulated run; `null` for the address of a client. */
export function serverAt(address: Address): NodeId | null {
  const id = /^server-(\d+):/.exec(address)?.[1]
  return id === undefined ? null : Number(id)
}

/** The session of a client of a schedule. It is open from the start. */
export function uidOf(client: string): string {
  return `${client}@0`
}

/** The uid of the session that an `open` at this position opens for the client with the random name `client`. */
export function uidOpenedAt(client: string, { instance, index }: Position): string {
  return `${client}@${instance}.${index}`
}

/** A part of a public id. It has room for each number on the wire, which is at most 2^52. */
const number = '\\d{1,16}'

/** The form of a public id, such as `12.0`. */
export const publicIdPattern = `^${number}\\.${number}$`

const publicIdForm = new RegExp(publicIdPattern)
const openedPosition = new RegExp(`@(${number})\\.${number}$`)

/** True for a text that may be the public id of a session. */
export function isPublicId(text: string): boolean {
  return publicIdForm.test(text)
}

/**
 * The public id of a session, such as `12.0`: the position at which it was opened. The whole uid is secret, because it
 * authenticates its client.
 */
export function publicId(uid: string): string {
  return /@([\d.]+)$/.exec(uid)?.[1] ?? uid
}

/** True for a name under which a client asks for a session; false for the uid of a session. */
export function isOpeningName(uid: string): boolean {
  return !uid.includes('@') && !isPlainText(uid)
}

/** The instance at which the session `uid` was opened; `null` when the uid does not contain a position. */
export function openedAtInstance(uid: string): Instance | null {
  const digits = openedPosition.exec(uid)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** The name of the client to which the session belongs. */
export function clientName(uid: string): string {
  return uid.replace(/@[\d.]+$/, '')
}

/** The length of the random name of a client in a real cluster. No client of a schedule has a name of this length. */
export const drawnNameLetters = 16

/** The longest name that a program may give its client. */
export const longestGivenName = 16

const givenName = new RegExp(`^([a-z]{1,${longestGivenName}})-[\\w-]{${drawnNameLetters}}$`)

/** The full name of a client that is called `given`. The random part `drawn` makes it unique. */
export function namedAs(given: string, drawn: string): string {
  return `${given}-${drawn}`
}

/**
 * The short name of a client. A random name is cut to its first letters, which nearly always suffice to distinguish clients. A
 * name with a given part is cut to that part. Any other name is shown whole.
 */
export function shownName(name: string): string {
  const given = givenName.exec(name)?.[1]
  if (given !== undefined) return given
  return name.length === drawnNameLetters && /^[\w-]+$/.test(name) ? name.slice(0, 6) : name
}

/**
 * Shows a value that may be a session, or a request of one: where the name of the client is random, by the public id and the short
 * name, such as `12.0 of a` and `12.0 of a#3`. Shows anything else unchanged.
 */
export function shownSession(text: string): string {
  const [, uid = text, seq = ''] = /^(.*)(#\d+)$/s.exec(text) ?? []
  const name = clientName(uid)
  return name !== uid && shownName(name) !== name ? `${sessionText(uid)}${seq}` : text
}

/** A session in a sentence: `12.0 of a`, and only the client's name when the session was open from the start. */
export function sessionText(uid: string): string {
  const name = sessionName(uid)
  return openedAtInstance(uid) === null ? name : `${publicId(uid)} of ${name}`
}

/** The name of a session in every output, such as `a`. */
export function sessionName(uid: string): string {
  return shownName(clientName(uid))
}

/** The name of a request in every output, such as `a#1`. */
export function requestName({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${sessionName(uid)}#${seq}`
}

import type { Address } from '../machines/batch.ts'

/**
 * The host and port of `address`, which is `HOST:PORT`; an IPv6 host stands in brackets. Throws a `RangeError` that names
 * the value when it is none.
 */
export function parseAddress(address: Address): { readonly host: string; readonly port: number } {
  const match = /^(?:\[(?<six>[0-9a-fA-F:]+)\]|(?<four>[^\s:[\]]+)):(?<port>\d{1,5})$/.exec(address)
  const host = match?.groups?.six ?? match?.groups?.four
  const port = Number(match?.groups?.port)
  if (host === undefined || !(port >= 0 && port <= 65_535)) {
    throw new RangeError(`'${address}' is no address: give HOST:PORT, such as 127.0.0.1:29367`)
  }
  return { host, port }
}

/** `HOST:PORT` of a socket's end. */
export function formatAddress({
  address,
  port,
}: {
  readonly address: string
  readonly port: number
}): Address {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

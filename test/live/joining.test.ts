/** A server that joins, and the server that lets it join is gone. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { formatAddress, parseAddress } from '../../src/address.ts'
import { connect } from '../../src/client/index.ts'
import { startNode } from '../../src/node/node.ts'
import { lockService } from '../../src/services/lock.ts'
import type { Service } from '../../src/services/service.ts'
import { freePorts } from '../cli/paxos.ts'

/**
 * It answers as the server at `address` does, and knows of a batch more that was chosen. Beyond the two questions of a server that
 * joins it is silent.
 */
async function lastToKnow(address: string) {
  const [front, back] = [createSocket('udp4'), createSocket('udp4')]
  const { host, port } = parseAddress(address)
  let asker: RemoteInfo | null = null
  front.on('message', (datagram, source) => {
    if (!/"type":"(hello|join)"/.test(String(datagram))) return
    asker = source
    back.send(datagram, port, host)
  })
  back.on('message', (datagram) => {
    const said = String(datagram).replace(
      /("type":"welcome".*?"instance":)(\d+)/,
      (_, before, instance) => `${before}${Number(instance) + 1}`,
    )
    if (asker !== null) front.send(said, asker.port, asker.address)
  })
  front.bind(0, '127.0.0.1')
  await once(front, 'listening')
  const close = () => {
    front.close()
    back.close()
  }
  return { address: formatAddress(front.address()), close }
}

test('it asks to be admitted, though what that one alone knew to be chosen is never shown', async () => {
  const ports = await freePorts(2)
  const [first = '', second = ''] = [ports, ports + 1].map((port) => `127.0.0.1:${port}`)
  const service = lockService as Service
  const founder = await startNode({
    id: 0,
    dataDir: null,
    listen: first,
    service,
    bootstrap: { members: [{ id: 0, address: first }] },
  })
  const gone = await lastToKnow(first)
  const client = connect({ servers: [first] })
  try {
    await client.lock('x')
    const joining = await startNode({ id: 1, dataDir: null, listen: second, service, join: gone.address })
    try {
      const { members } = joining.status() as { members: readonly object[] }
      expect(members).toMatchObject([{ id: 0 }, { id: 1 }])
    } finally {
      await joining.stop()
    }
  } finally {
    await client.close()
    gone.close()
    await founder.stop()
  }
}, 40_000)

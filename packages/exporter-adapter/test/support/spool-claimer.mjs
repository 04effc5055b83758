// One of several processes that claim the same directory at the same moment. Says what it got.
import { Spool } from '../../dist/spool/spool.js'

const spool = await Spool.open({ directory: process.argv[2], name: 'test' })
process.send('ready')
process.once('message', async () => {
  const entries = await spool.claim()
  const bodies = await Promise.all(entries.map(async (each) => Buffer.from(await each.read()).toString()))
  for (const entry of entries) await entry.remove()
  await spool.close()
  process.send(bodies, () => process.disconnect())
})

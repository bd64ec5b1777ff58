import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import { email } from '../../analytics/alerts/receivers/email.ts'
import { alertsSchema, type EmailSettings } from '../../schemas/alerts.ts'
import { type Behaviour, receiverSuite, type Target } from './receivers.suite.ts'
import { noticeThat } from './report-alert-fixture.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z')
const PASSWORD = 'hush-hush-4711'

interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: string
}

function settingsOf(port: number, changes: object = {}): EmailSettings {
  const [entry] = alertsSchema.parse({
    email: [
      {
        name: 'team',
        host: '127.0.0.1',
        port,
        tls: 'off',
        username: 'postflight',
        password: PASSWORD,
        from: 'Postflight <postflight@example.org>',
        to: ['one@example.org', 'two@example.org'],
        ...changes,
      },
    ],
  }).email
  if (entry === undefined) throw new Error('No e-mail in the settings')
  return entry
}

/** A real SMTP server. */
async function openSmtp(
  options: { offersTls?: boolean; settings?: object } = {},
): Promise<Target & { readonly mails: readonly Mail[]; readonly logIns: readonly string[] }> {
  const mails: Mail[] = []
  const logIns: string[] = []
  let behaviour: Behaviour = 'take'
  const sockets = new Set<Socket>()
  const says = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code })
  const server = new SMTPServer({
    authMethods: ['PLAIN', 'LOGIN'],
    allowInsecureAuth: true,
    disabledCommands: options.offersTls === true ? [] : ['STARTTLS'],
    onAuth: ({ username, password }, _session, done) => {
      logIns.push(`${username} ${password}`)
      if (username === 'postflight' && password === PASSWORD) done(null, { user: username })
      else done(says(535, 'No such account'))
    },
    onMailFrom: (_address, _session, done) => {
      if (behaviour === 'unavailable') done(says(421, 'Too busy'))
      else if (behaviour === 'drop') for (const socket of sockets) socket.destroy()
      else done()
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (behaviour === 'refuse') done(says(550, 'No such mailbox'))
        else if (behaviour === 'fail') done(says(451, 'Local error'))
        else if (behaviour === 'echo')
          done(says(550, `You said ${PASSWORD} and ${Buffer.from(PASSWORD).toString('base64')}`))
        else {
          const { mailFrom, rcptTo } = session.envelope
          mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            raw: Buffer.concat(chunks).toString(),
          })
          done()
        }
      })
    },
  })
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('error', () => {})
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()))
  const { port } = server.server.address() as AddressInfo
  return {
    receiver: email(settingsOf(port, options.settings)),
    taken: mails,
    mails,
    logIns,
    secret: PASSWORD,
    behave: (next) => {
      behaviour = next
    },
    close: () =>
      new Promise((done) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => done())
      }),
  }
}

receiverSuite('e-mail', openSmtp, null)

describe('e-mail', () => {
  let target: Awaited<ReturnType<typeof openSmtp>> | undefined
  afterEach(() => target?.close())

  it('goes to everybody, in one thread, with an id that is the same however often it is sent', async () => {
    target = await openSmtp()
    const { receiver, mails } = target
    for (const event of ['firing', 'firing', 'resolved'] as const)
      expect(await receiver.send(noticeThat(event, NOW), NOW)).toMatch(/^250/)
    const [first, again, end] = mails
    expect(first).toMatchObject({
      from: 'postflight@example.org',
      to: ['one@example.org', 'two@example.org'],
    })
    const header = (mail: Mail | undefined, name: string) =>
      new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'im')
        .exec(mail?.raw ?? '')?.[1]
        ?.replaceAll(/\r\n\s/g, ' ')
    expect(header(first, 'Subject')).toBe('PAGE: 2.7.0 made checkout worse: POST /pay answers 1.8x slower')
    expect(header(end, 'Subject')).toMatch(/^Resolved \(rolled back\): /)
    expect(header(first, 'Message-ID')).toBe('<regression-1.1.firing@postflight>')
    expect(header(again, 'Message-ID')).toBe(header(first, 'Message-ID'))
    expect(header(end, 'Message-ID')).not.toBe(header(first, 'Message-ID'))
    expect(header(end, 'References')).toBe(header(first, 'References'))
    expect(header(first, 'Auto-Submitted')).toBe('auto-generated')
    const text = first?.raw.replaceAll('=\r\n', '').replaceAll('=3D', '=')
    expect(text).toContain('The evidence: http://127.0.0.1:8080/releases/checkout/2.7.0?environment=live')
    expect(text).toContain('<a href="http://127.0.0.1:8080/alerts#regression-1">Acknowledge</a>')
  })

  it('sends no password to a server that offers no TLS, or whose certificate nobody vouches for', async () => {
    for (const offersTls of [false, true]) {
      target = await openSmtp({ offersTls, settings: { tls: 'starttls' } })
      await expect(target.receiver.send(noticeThat('firing', NOW), NOW)).rejects.toThrow(
        /STARTTLS|certificate/,
      )
      expect(target.logIns).toEqual([])
      await target.close()
    }
  })

  it('waits when the log-in is refused: that is a matter of settings', async () => {
    target = await openSmtp({ settings: { password: 'wrong-word' } })
    const sent = target.receiver.send(noticeThat('firing', NOW), NOW)
    await expect(sent).rejects.toMatchObject({ kind: 'failed' })
    await expect(sent).rejects.not.toThrow(/wrong-word/)
  })
})

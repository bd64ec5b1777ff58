import { readFile } from 'node:fs/promises'
import { createTransport } from 'nodemailer'
import type { EmailSettings } from '../../../schemas/alerts.ts'
import { readSecret } from '../../../schemas/secret.ts'
import { cut, type Message, messageOf, plainText } from '../message.ts'
import type { Notice } from '../notice.ts'
import { type Receiver, reasonOf, SEND_TIMEOUT, SendError } from '../receiver.ts'
import { escapeHtml } from './escape-html.ts'

/** Characters of a subject. */
const SUBJECT = 200

/**
 * E-mail over SMTP. The message's id is made from the notice, so that servers and readers which know ids show one that was sent twice once; all of one alert are one
 * thread.
 */
export function email(settings: EmailSettings): Receiver {
  return {
    name: `email:${settings.name}`,
    events: new Set(['firing', 'acknowledged', 'resolved']),
    heartbeat: false,
    deduplicates: false,
    repeatEvery: null,
    render: (notice) => {
      const { subject, text } = mailOf(settings, notice)
      return { contentType: 'text/plain', body: `Subject: ${subject}\n\n${text}` }
    },
    send: async (notice) => {
      const password = await readSecret(settings.password, settings.passwordFile)
      const transport = createTransport({
        host: settings.host,
        port: settings.port,
        secure: settings.tls === 'implicit',
        requireTLS: settings.tls === 'starttls',
        ignoreTLS: settings.tls === 'off',
        ...(settings.username === '' ? {} : { auth: { user: settings.username, pass: password } }),
        ...(settings.ca === '' ? {} : { tls: { ca: await readFile(settings.ca, 'utf8') } }),
        connectionTimeout: SEND_TIMEOUT,
        greetingTimeout: SEND_TIMEOUT,
        socketTimeout: SEND_TIMEOUT,
        // Names files and addresses of nobody else's choosing.
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      try {
        const { response } = await transport.sendMail(mailOf(settings, notice))
        return String(response)
      } catch (error) {
        throw sendError(error, password)
      } finally {
        transport.close()
      }
    },
  }
}

function mailOf(settings: EmailSettings, notice: Notice) {
  const message = messageOf(notice)
  const thread = notice.kind === 'alert' ? notice.alert.id : notice.id
  const first = `<${address(thread)}@postflight>`
  return {
    from: settings.from,
    to: [...settings.to],
    subject: cut(message.title, SUBJECT),
    text: plainText(message),
    html: htmlOf(message),
    messageId: `<${address(notice.id)}@postflight>`,
    inReplyTo: first,
    references: first,
    // So that no out-of-office answers come back (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

/** What may stand in a message's id. */
function address(id: string): string {
  return id.replaceAll(/[^\w.-]/g, '.')
}

function htmlOf({ title, reasons, facts, links }: Message): string {
  const list = reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('')
  const rows = facts.map(
    ([name, value]) =>
      `<tr><td style="padding-right:1em;color:#666">${escapeHtml(name)}</td><td>${escapeHtml(value)}</td></tr>`,
  )
  return `<h2 style="font-size:1.1em">${escapeHtml(title)}</h2>${list === '' ? '' : `<ul>${list}</ul>`}<table>${rows.join('')}</table>
<p>${links.map((link) => `<a href="${escapeHtml(link.url)}">${escapeHtml(link.title)}</a>`).join(' &middot; ')}</p>`
}

/** SMTP says with the first digit whether it may go later (RFC 5321, 4.2.1). A refused log-in or TLS is a matter of settings, which a person may mend. */
function sendError(error: unknown, password: string): SendError {
  const { responseCode, code } = error as { responseCode?: number; code?: string }
  const basic = Buffer.from(password).toString('base64')
  const told = reasonOf(error, password === '' ? [] : [password, basic])
  const ofMessage = code === 'EENVELOPE' || code === 'EMESSAGE'
  if (responseCode === undefined || responseCode < 500) return new SendError('unavailable', told)
  return new SendError(ofMessage ? 'refused' : 'failed', told)
}

import type { Channel } from '../api/types'
import { t } from '../i18n'
import { CopyBox } from '../ui/Copy'
import css from './settings.module.css'

/** What has to be carried to the other side: addresses for the provider, a line for the website. */
export function ChannelLinks({ c }: { c: Channel }) {
  const urls = Object.entries(c.webhook_urls ?? {})
  if (c.type === 'webchat') return <Widget c={c} />
  if (urls.length === 0) return null
  return (
    <section>
      <h2>{c.type === 'form' ? t('channel.formUrl') : t('channel.webhooks')}</h2>
      <p className="dim">{c.type === 'form' ? t('channel.formUrlHelp') : t('channel.webhooksHelp')}</p>
      <div className={css.urls}>
        {urls.map(([name, url]) => (
          <div key={name}>
            <h3>{(t as unknown as (k: string, o: object) => string)(`hook.${name}`, { defaultValue: name })}</h3>
            <CopyBox text={url} label={name} />
          </div>
        ))}
        {c.type === 'form' && urls[0] && (
          <div>
            <h3>{t('channel.formExample')}</h3>
            <CopyBox block label={t('channel.formExample')} text={formSnippet(urls[0][1])} />
          </div>
        )}
      </div>
    </section>
  )
}

function Widget({ c }: { c: Channel }) {
  const snippet = `<script src="${location.origin}/widget.js" data-channel="${c.id}" async></script>`
  return (
    <section>
      <h2>{t('channel.snippet')}</h2>
      <p className="dim">{t('channel.snippetHelp')}</p>
      <div className={css.urls}>
        <CopyBox block text={snippet} label={t('channel.snippet')} />
        <p>
          <a href={`/demo?channel=${c.id}`} target="_blank" rel="noopener">
            {t('channel.tryWidget')}
          </a>
        </p>
      </div>
    </section>
  )
}

function formSnippet(url: string): string {
  return `<form method="post" action="${url}">
  <input name="name" autocomplete="name" required>
  <input name="email" type="email" autocomplete="email" required>
  <textarea name="message" required></textarea>
  <input name="_hp" tabindex="-1" autocomplete="off" hidden>
  <button>Send</button>
</form>`
}

package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the figures of GET /metrics, asked when they are read.
func (h *house) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), figures{h})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

type figures struct{ h *house }

var (
	jobsDesc    = prometheus.NewDesc("parley_jobs", "Jobs that are not done, by state.", []string{"state"}, nil)
	oldestDesc  = prometheus.NewDesc("parley_jobs_oldest_due_seconds", "How long the oldest due job has been waiting.", nil, nil)
	journalDesc = prometheus.NewDesc("parley_journal_items", "Items of the journal that were not simply processed, by state.", []string{"state"}, nil)
	socketsDesc = prometheus.NewDesc("parley_sockets", "Open agents' sockets.", nil, nil)
	lagDesc     = prometheus.NewDesc("parley_sockets_lag_events", "Events that the slowest socket is behind.", nil, nil)
	slowDesc    = prometheus.NewDesc("parley_sockets_cut_total", "Sockets closed because they did not read.", nil, nil)
	headDesc    = prometheus.NewDesc("parley_event_log_position", "Newest position of the event log.", nil, nil)
)

func (f figures) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{jobsDesc, oldestDesc, journalDesc, socketsDesc, lagDesc, slowDesc, headDesc} {
		c <- d
	}
}

// Collect leaves out what the database does not tell within two seconds.
func (f figures) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if states, oldest, err := f.h.jobs.Counts(ctx); err == nil {
		for s, n := range states {
			gauge(jobsDesc, float64(n), s)
		}
		gauge(oldestDesc, oldest.Seconds())
	}
	if states, err := f.h.inbox.JournalCounts(ctx); err == nil {
		for s, n := range states {
			gauge(journalDesc, float64(n), s)
		}
	}
	if head, err := f.h.log.Head(ctx); err == nil {
		gauge(headDesc, float64(head))
	}
	s := f.h.hub.Stats()
	gauge(socketsDesc, float64(s.Sockets))
	gauge(lagDesc, float64(s.Lag))
	c <- prometheus.MustNewConstMetric(slowDesc, prometheus.CounterValue, float64(s.TooSlow))
}

/*
 * engine/control_flow/message_queue.c
 *
 * The queue from task threads to the control thread.
 *
 * Process: runner and client.  One mutex; the eventfd counts nothing, it only
 * says that the list is not empty.  A task that dies takes the process with
 * it, so there is no half-written message to care for.
 */
#include "engine/control_flow/message_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Messages; beyond it task threads wait for the control thread. */
#define QUEUE_LIMIT 4096

struct SoMessageQueue
{
	pthread_mutex_t mutex;
	pthread_cond_t room;
	SoMessage *head;
	SoMessage *tail;
	int count;
	int fd;
};

SoMessageQueue *
so_message_queue_new(SoError *error)
{
	SoMessageQueue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
	{
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0)
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "no descriptor for the task queue");
		so_error_detail(error, "eventfd: %s.", strerror(errno));
		free(queue);
		return NULL;
	}
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_cond_init(&queue->room, NULL);
	return queue;
}

void
so_message_queue_free(SoMessageQueue *queue)
{
	SoMessage *message;

	if (queue == NULL)
		return;
	while ((message = so_message_queue_take(queue)) != NULL)
		talloc_free(message);
	close(queue->fd);
	pthread_cond_destroy(&queue->room);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

int
so_message_queue_fd(const SoMessageQueue *queue)
{
	return queue->fd;
}

SoMessage *
so_message_new(struct SoUnit *unit, SoMessageType type)
{
	SoMessage *message = talloc_zero(NULL, SoMessage);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	message->unit = unit;
	message->type = type;
	message->thread_id = (int) syscall(SYS_gettid);
	message->time_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	return message;
}

void
so_message_queue_put(SoMessageQueue *queue, SoMessage *message, bool may_wait)
{
	uint64_t one = 1;
	bool wake;

	pthread_mutex_lock(&queue->mutex);
	while (may_wait && queue->count >= QUEUE_LIMIT)
		pthread_cond_wait(&queue->room, &queue->mutex);
	message->next = NULL;
	wake = queue->head == NULL;
	if (wake)
		queue->head = message;
	else
		queue->tail->next = message;
	queue->tail = message;
	queue->count++;
	/* Inside the lock, so that a take that empties the list cannot clear a later wake-up. */
	if (wake && write(queue->fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd at 1 cannot refuse another 1 */
	pthread_mutex_unlock(&queue->mutex);
}

SoMessage *
so_message_queue_take(SoMessageQueue *queue)
{
	SoMessage *message;
	uint64_t count;

	pthread_mutex_lock(&queue->mutex);
	message = queue->head;
	if (message != NULL)
	{
		queue->head = message->next;
		queue->count--;
		if (queue->head == NULL)
		{
			queue->tail = NULL;
			if (read(queue->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
				abort();
		}
		if (queue->count == QUEUE_LIMIT / 2 || queue->head == NULL)
			pthread_cond_broadcast(&queue->room);
	}
	pthread_mutex_unlock(&queue->mutex);
	return message;
}

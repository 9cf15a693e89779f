/* The threads that asynchronous calls run on: our own, as many as calls run at once, and none of
 * libuv's, of which there are four for files, names and everybody's add-ons. An environment (the
 * main thread, a Worker) has a set of its own. What it starts with it completes on. */
#ifndef FARM_THREADS_H
#define FARM_THREADS_H

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <node_api.h>
#include <pthread.h>
#include <signal.h>

namespace farm_napi {

/* What runs on a thread and then completes in its environment; env is null when that has ended. */
class Task {
public:
    virtual ~Task() = default;
    virtual void run() = 0;
    virtual void complete(napi_env env) = 0;
};

class Threads {
public:
    /* The set of an environment, made at its start; none when there is no memory. */
    static void open(napi_env env, napi_value name);
    static Threads *of(napi_env env);
    /* Run the task on a thread, a new one when all are busy. On the environment's own. */
    void start(napi_env env, Task *task);

private:
    static constexpr size_t max_count = 1024;
    static constexpr auto idle_time = std::chrono::seconds(10);

    static void *serve(void *context);
    static void deliver(napi_env env, napi_value function, void *context, void *data);
    static void close(void *context);
    bool add_thread();
    void serve_tasks();
    void finish(Task *task);

    napi_threadsafe_function done_ = nullptr;
    size_t pending_ = 0; /* of the environment's thread alone */
    std::mutex mutex_;   /* guards all that follows */
    std::condition_variable changed_;
    std::deque<Task *> waiting_;
    size_t count_ = 0;
    size_t idle_ = 0;
    bool is_closed_ = false;
};

inline void Threads::open(napi_env env, napi_value name) {
    Threads *self = new (std::nothrow) Threads;
    if (self == nullptr) return;
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, self,
                                        deliver, &self->done_) != napi_ok) {
        delete self;
        return;
    }
    napi_unref_threadsafe_function(env, self->done_);
    napi_set_instance_data(env, self, nullptr, nullptr);
    /* Hooks run last in, first out: before that of the function, which is gone after it. */
    napi_add_env_cleanup_hook(env, close, self);
}

inline Threads *Threads::of(napi_env env) {
    void *self = nullptr;
    napi_get_instance_data(env, &self);
    return (Threads *)self;
}

inline void Threads::start(napi_env env, Task *task) {
    if (pending_++ == 0) napi_ref_threadsafe_function(env, done_);
    std::unique_lock<std::mutex> lock(mutex_);
    waiting_.push_back(task);
    if (waiting_.size() <= idle_ || count_ >= max_count || add_thread()) {
        changed_.notify_one();
        return;
    }
    if (count_ > 0) return; /* one of them comes to it */
    waiting_.pop_back();
    lock.unlock();
    task->run();
    finish(task);
}

/* The host's signals are for the host's threads. Under the mutex. */
inline bool Threads::add_thread() {
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool is_made = pthread_create(&thread, &attributes, serve, this) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (is_made) count_++;
    return is_made;
}

inline void *Threads::serve(void *context) {
    ((Threads *)context)->serve_tasks();
    return nullptr;
}

inline void Threads::serve_tasks() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (bool is_wanted = true; is_wanted && !is_closed_;) {
        if (waiting_.empty()) {
            idle_++;
            is_wanted = changed_.wait_for(lock, idle_time) == std::cv_status::no_timeout ||
                        !waiting_.empty();
            idle_--;
            continue;
        }
        Task *task = waiting_.front();
        waiting_.pop_front();
        lock.unlock();
        task->run();
        finish(task);
        lock.lock();
    }
    const bool is_last = --count_ == 0 && is_closed_;
    lock.unlock();
    if (is_last) delete this;
}

/* Nobody may call the function once the environment has closed it. */
inline void Threads::finish(Task *task) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!is_closed_ && napi_call_threadsafe_function(done_, task, napi_tsfn_nonblocking) == napi_ok)
        return;
    lock.unlock();
    delete task;
}

inline void Threads::deliver(napi_env env, napi_value, void *context, void *data) {
    Task *task = (Task *)data;
    if (env == nullptr) {
        delete task;
        return;
    }
    Threads *self = (Threads *)context;
    if (--self->pending_ == 0) napi_unref_threadsafe_function(env, self->done_);
    task->complete(env);
}

/* The environment ends; calls that run end by themselves, and are then forgotten. */
inline void Threads::close(void *context) {
    Threads *self = (Threads *)context;
    std::unique_lock<std::mutex> lock(self->mutex_);
    self->is_closed_ = true;
    for (Task *task : self->waiting_) delete task;
    self->waiting_.clear();
    self->changed_.notify_all();
    const bool is_last = self->count_ == 0;
    lock.unlock();
    if (is_last) delete self;
}

} // namespace farm_napi
#endif

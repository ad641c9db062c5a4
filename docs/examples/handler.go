// A handler for meta-consumer.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

var secret []byte

// Event is what of an event is used here; there is more.
type Event struct {
	Kind    string  `json:"kind"`
	Text    *string `json:"text"`
	Payload *string `json:"payload"`
}

// Your answer: a list of actions.
func decide(event Event) []any {
	if event.Kind == "message" && event.Text != nil && strings.Contains(*event.Text, "deliver") {
		return []any{map[string]any{"reply": map[string]any{"text": "Yes, daily."}}, "mark_read"}
	}
	return []any{}
}

func isGenuine(header http.Header, body []byte) bool {
	stamp := header.Get("Meta-Timestamp")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	want := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	at, err := strconv.ParseInt(stamp, 10, 64)
	return hmac.Equal([]byte(header.Get("Meta-Signature")), []byte(want)) &&
		err == nil && math.Abs(float64(time.Now().Unix()-at)) < 300
}

func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !isGenuine(r.Header, body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	text, err := decided(body)
	if err != nil {
		log.Print(err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}

// A panic in decide is an error, too.
func decided(body []byte) (text []byte, err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("decide: %v\n%s", why, debug.Stack())
		}
	}()
	var event Event
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"actions": decide(event)})
}

func main() {
	text, err := os.ReadFile(os.Getenv("SECRET_FILE"))
	if err != nil {
		log.Fatal(err)
	}
	secret = []byte(strings.TrimSpace(string(text)))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(answer)))
}
